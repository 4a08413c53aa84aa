import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parted } from './watch-words.ts';

/** Operands as commander gives them: without options, and without the first "--". */
function operandsOf(line: readonly string[]): string[] {
  const dashes = line.indexOf('--');
  const [before, after] = dashes < 0 ? [line, []] : [line.slice(0, dashes), line.slice(dashes + 1)];
  return [...before.filter((word) => !word.startsWith('-')), ...after];
}

function part(...line: string[]): unknown {
  return parted(operandsOf(line), line);
}

test('what is before "--" is keys, and what is behind it a command', () => {
  assert.deepEqual(part('a'), { key: 'a', rangeEnd: undefined, command: undefined });
  assert.deepEqual(part('a', 'b'), { key: 'a', rangeEnd: 'b', command: undefined });
  assert.deepEqual(part('--prefix', 'a', '--', 'sh', '-c', 'x'), {
    key: 'a',
    rangeEnd: undefined,
    command: ['sh', '-c', 'x'],
  });
  assert.deepEqual(part('a', 'b', '--', 'x', '--', 'y'), {
    key: 'a',
    rangeEnd: 'b',
    command: ['x', '--', 'y'],
  });
});

test('without a key before it, "--" says that the key begins with "-"', () => {
  assert.deepEqual(part('--', '-a'), { key: '-a', rangeEnd: undefined, command: undefined });
  assert.deepEqual(part('--prefix', '--', '-a', '--', 'x', '-y'), {
    key: '-a',
    rangeEnd: undefined,
    command: ['x', '-y'],
  });
});

test('what cannot be is refused', () => {
  assert.throws(() => part('a', '--'), /there is no command after "--"/);
  assert.throws(() => part('--', '-a', '--'), /there is no command after "--"/);
  assert.throws(() => part('a', 'b', 'c'), /"c" is too much.*--also.*after "--"/);
  assert.throws(() => part('--', '--', 'x'), /watch needs a key/);
});
