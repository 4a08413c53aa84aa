import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const document = readFileSync(join(root, 'client/protocol/PROTOCOL.md'), 'utf8');

/** What a rule's number looks like where it is cited; the document defines them as list items. */
const citation = /\[(W-\d+)\]/g;
const definition = /^- \*\*\[(W-\d+)\]\*\*/gm;

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path));
}

const defined = matches(document, definition);
const files = ['client', 'server', 'cli', 'test'].flatMap(sourceFiles);
const cited = new Map(
  files.map((path) => [path, matches(readFileSync(join(root, path), 'utf8'), citation)]),
);
const tests = files.filter((path) => path.endsWith('.test.ts'));

test('the search finds what is known to be there', () => {
  assert.ok(defined.length >= 39, `${defined.length} rules`);
  assert.ok(files.length >= 50 && tests.length >= 5, `${files.length} files`);
  assert.ok(cited.get('client/protocol/errors.ts')?.includes('W-40'));
  assert.ok(cited.get('server/src/service/watch.ts')?.includes('W-31'));
  assert.ok(cited.get('test/contract/doors.test.ts')?.includes('W-35'));
});

test('every rule has one number, and the numbers go up', () => {
  const numbers = defined.map((rule) => Number(rule.slice(2)));
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].toSorted((left, right) => left - right),
  );
});

test('every rule that is cited exists', () => {
  const wrong = [...cited, ['PROTOCOL.md', matches(document, citation)] as const].flatMap(
    ([path, rules]) =>
      rules.filter((rule) => !defined.includes(rule)).map((rule) => `${path}: ${rule}`),
  );
  assert.deepEqual(wrong, []);
});

test('every rule is cited by a test', () => {
  const tested = new Set(tests.flatMap((path) => cited.get(path) ?? []));
  assert.deepEqual(
    defined.filter((rule) => !tested.has(rule)),
    [],
  );
});
