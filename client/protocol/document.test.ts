import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { errorTable } from './errors.ts';
import { limits } from './limits.ts';
import { methodNames } from './methods.ts';
import { paramNames } from './params.ts';

const text = readFileSync(new URL('PROTOCOL.md', import.meta.url), 'utf8');
const rows = text.split('\n').filter((line) => line.startsWith('| `'));

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

test('[W-40] the document has the rows of the error table, and no others', () => {
  const documented = rows.map(cells).filter((row) => row.length === 5);
  const expected = Object.entries(errorTable).map(([name, kind]) => {
    const traits = [kind.retryable, kind.ambiguous].map((trait) => (trait ? 'yes' : 'no'));
    return [`\`${name}\``, String(kind.number), String(kind.http), ...traits];
  });
  assert.deepEqual(documented, expected);
});

test('[W-40] no two errors share a number', () => {
  const numbers = Object.values(errorTable).map((kind) => kind.number);
  assert.equal(new Set(numbers).size, numbers.length);
});

test('the document has every limit', () => {
  const documented = rows.map(cells).filter((row) => row.length === 2);
  const expected = Object.entries(limits).map(([name, bound]) => [`\`${name}\``, String(bound)]);
  assert.deepEqual(documented.toSorted(), expected.toSorted());
});

test('the document has every method with its params', () => {
  const documented = rows.map(cells).filter((row) => row.length === 3);
  assert.deepEqual(
    documented.map(([name]) => name?.replaceAll('`', '')).toSorted(),
    methodNames.toSorted(),
  );
  for (const [name, params = ''] of documented) {
    const method = methodNames.find((known) => name === `\`${known}\``);
    assert.ok(method);
    const named = params.replace('selector', '`key` `rangeEnd` `prefix`').match(/\w+/g) ?? [];
    assert.deepEqual(named.toSorted(), paramNames(method).toSorted());
  }
});
