import { type Token, tokens } from './tokens.ts';

export interface Import {
  /** As written; undefined if it is computed and nobody can say what it names. */
  readonly specifier: string | undefined;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Every import of a source file: static, dynamic, for its side effects, `export from`, of types. */
export function importsOf(source: string): Import[] {
  const all = tokens(source);
  return all.flatMap((token, at) => {
    const before = all[at - 1]?.text;
    if (token.kind !== 'word' || before === '.' || before === '?.') return [];
    if (token.text === 'import') return importAt(all, at);
    if (token.text === 'export') return exportAt(all, at);
    return token.text === 'require' ? callAt(all, at) : [];
  });
}

function importAt(all: readonly Token[], at: number): Import[] {
  const next = all[at + 1];
  if (next?.kind === 'string') return [found(next, false)];
  if (next?.text === '(') return callAt(all, at);
  if (next?.text === '.' || next?.text === ':' || next?.text === '?') return [];
  return fromAfter(all, at);
}

/** `export { a } from`, `export * from`, `export type { A } from`; other exports name no file. */
function exportAt(all: readonly Token[], at: number): Import[] {
  const list = all[at + 1]?.text === 'type' ? at + 2 : at + 1;
  const opens = all[list]?.text;
  if (opens !== '{' && opens !== '*') return [];
  if (opens === '*') return fromAfter(all, at);
  const close = all.findIndex((token, index) => index > list && token.text === '}');
  return all[close + 1]?.text === 'from' ? fromAfter(all, at) : [];
}

/** `import type x from` imports types, `import type from` imports something called type. */
function fromAfter(all: readonly Token[], at: number): Import[] {
  const from = all.findIndex(
    (token, index) => index > at && token.text === 'from' && all[index + 1]?.kind === 'string',
  );
  const name = all[from + 1];
  if (from < 0 || name === undefined) return [];
  return [found(name, all[at + 1]?.text === 'type' && from > at + 2)];
}

function callAt(all: readonly Token[], at: number): Import[] {
  if (all[at + 1]?.text !== '(') return [];
  const name = all[at + 2];
  const line = all[at]?.line ?? 0;
  const typeOnly = all[at - 1]?.text === 'typeof';
  const plain = name?.kind === 'string' && all[at + 3]?.text === ')';
  return [{ specifier: plain ? name.text : undefined, typeOnly, line }];
}

function found(name: Token, typeOnly: boolean): Import {
  return { specifier: name.text, typeOnly, line: name.line };
}
