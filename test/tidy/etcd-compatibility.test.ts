import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  documentPath,
  documentText,
  knownNames,
} from '../acceptance/etcd-compatibility/document.ts';
import { exceptions } from '../acceptance/etcd-compatibility/table.ts';
import { read } from './sources.ts';

test("the page of etcd's calls is what `npm run generate:compatibility` writes", () => {
  assert.equal(read(documentPath), documentText());
});

test('the table of exceptions speaks of calls and options that there are', () => {
  const known = knownNames();
  assert.ok(known.size > 100, `${known.size} names`);
  assert.deepEqual(
    Object.keys(exceptions).filter((name) => !known.has(name)),
    [],
  );
});
