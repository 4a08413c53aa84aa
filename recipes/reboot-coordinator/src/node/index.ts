/** A host with Linux on it, and what else needs Node. */
export type { Host } from '../agent/host.ts';
