import { posix } from 'node:path';
import { importsOf } from './imports.ts';
import { type Token, tokens } from './tokens.ts';

/** What would let a clock, chance, the outside world or a locale decide what the core does. */
const impure = new Set(
  [
    'Date performance setTimeout setInterval setImmediate queueMicrotask requestAnimationFrame',
    'async await Promise console Worker fetch WebSocket crypto localStorage globalThis',
    'localeCompare toLocaleString toLocaleUpperCase toLocaleLowerCase Intl WeakRef',
    'FinalizationRegistry Atomics SharedArrayBuffer require',
  ].flatMap((line) => line.split(' ')),
);

/** `file:line: what is wrong` for each word that a pure file must not have. */
export function impureWords(file: string, source: string): string[] {
  const all = tokens(source);
  const found = all.flatMap((token, at) => {
    const next = all[at + 1]?.text;
    if (token.kind !== 'word') return [];
    if (impure.has(token.text)) return [`${file}:${token.line}: ${token.text}`];
    if (token.text === 'process' && next === '.' && all[at - 1]?.text !== '.') {
      return [`${file}:${token.line}: process`];
    }
    if (token.text === 'Math' && next === '.' && all[at + 2]?.text === 'random') {
      return [`${file}:${token.line}: Math.random`];
    }
    return [];
  });
  const ofNode = importsOf(source).filter(({ specifier }) => specifier?.startsWith('node:'));
  return [...found, ...ofNode.map(({ specifier, line }) => `${file}:${line}: ${specifier}`)];
}

/** `file:line: what` for each way in which a file could wait for the clock. */
export function timers(file: string, source: string): string[] {
  const all = tokens(source);
  const calls = all.flatMap((token, at) => {
    const { kind, text, line } = token;
    if (kind !== 'word') return [];
    const ofSignal = text === 'timeout' && all[at - 2]?.text === 'AbortSignal';
    const ofAtomics = text === 'wait' && all[at - 2]?.text === 'Atomics';
    const isTimer = text === 'setTimeout' || text === 'setInterval' || ofSignal || ofAtomics;
    return isTimer ? [`${file}:${line}: ${text}`] : [];
  });
  const modules = importsOf(source).filter(({ specifier }) =>
    /^(node:)?timers(\/promises)?$/.test(specifier ?? ''),
  );
  return [...calls, ...modules.map(({ specifier, line }) => `${file}:${line}: ${specifier}`)];
}

/** `file:line: what` for tests that run alone, or never, whatever machine they are on. */
export function switchedTests(file: string, source: string): string[] {
  const all = tokens(source);
  return all.flatMap((token, at) =>
    switches(all, at) ? [`${file}:${token.line}: ${token.text}`] : [],
  );
}

/** `t.skip('why')` and `{ skip: why }` may be right where a tool is missing; the runner sees to CI. */
function switches(all: readonly Token[], at: number): boolean {
  const [token, before, next] = [all[at], all[at - 1]?.text, all[at + 1]?.text];
  if (token?.kind !== 'word') return false;
  const ofRunner = /^(test|it|describe|suite)$/.test(all[at - 2]?.text ?? '') && before === '.';
  if (token.text === 'skip') return ofRunner || (next === ':' && all[at + 2]?.text === 'true');
  return /^(only|todo)$/.test(token.text) && (ofRunner || next === ':');
}

/** The files that a file imports by a relative path. */
export function neighbours(file: string, source: string): string[] {
  return importsOf(source).flatMap(({ specifier }) =>
    specifier?.startsWith('.') ? [posix.join(posix.dirname(file), specifier)] : [],
  );
}
