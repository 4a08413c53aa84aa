/** The wire: what client and member say to each other. PROTOCOL.md beside this file is the document. */
export * from './auth-model.ts';
export * from './bytes.ts';
export * from './errors.ts';
export * from './frame.ts';
export * from './limits.ts';
export * from './methods.ts';
export * from './model.ts';
export { nearest } from './nearest.ts';
export * from './params.ts';
export * from './parse.ts';
export * from './watch-model.ts';
