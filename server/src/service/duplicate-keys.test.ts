import assert from 'node:assert/strict';
import test from 'node:test';
import { TableError, type TxnOperation, type TxnParams } from '@lockstep/client/protocol';
import { checkKeys } from './duplicate-keys.ts';
import { txnRequest } from './txn-request.ts';

const put = (key: string): TxnOperation => ({ put: { key, value: '' } });
const del = (key: string, rangeEnd?: string): TxnOperation => ({
  deleteRange: rangeEnd === undefined ? { key } : { key, rangeEnd },
});
const txn = (success: TxnOperation[], failure: TxnOperation[] = []): TxnOperation => ({
  txn: { success, failure },
});

function check(params: TxnParams): string {
  try {
    checkKeys(txnRequest(params));
  } catch (error) {
    assert.ok(error instanceof TableError && error.code === 'duplicate_key');
    return error.message;
  }
  return 'taken';
}

function assertTaken(...success: TxnOperation[]): void {
  assert.equal(check({ success }), 'taken');
  assert.equal(check({ failure: success }), 'taken');
}

function assertDuplicate(...success: TxnOperation[]): void {
  const pattern = /^etcdserver: duplicate key given in txn request; "/;
  assert.match(check({ success }), pattern);
  assert.match(check({ failure: success }), pattern);
}

test('[W-65] two puts of a key in one list are refused, by name', () => {
  assertDuplicate(put('a'), put('b'), put('a'));
  assert.match(check({ success: [put('a'), put('a')] }), /"a": it is put twice/);
  assertTaken(put('a'), put('b'));
});

test('[W-65] a put inside a delete of the same list is refused, whichever stands first', () => {
  assertDuplicate(put('b'), del('a', 'c'));
  assertDuplicate(del('a', 'c'), put('b'));
  assertDuplicate(del('b'), put('b'));
  assertTaken(del('a', 'c'), put('c'));
  assertTaken(del('b'), put('b\0'), put('a'));
});

test('[W-65] a delete without an end reaches every key behind its start', () => {
  assertDuplicate(del('b', '\0'), put('zzz'));
  assertDuplicate(del('b', '\0'), put('b'));
  assertTaken(del('b', '\0'), put('a'));
  assertDuplicate(del('b', '\0'), del('a', 'c'), put('x'));
});

test('[W-65] deletes may overlap, and one of no keys reaches none', () => {
  assertTaken(del('a', 'd'), del('b', 'e'), del('a'));
  assertDuplicate(del('a', 'd'), del('b', 'c'), put('c'));
  assertTaken(del('d', 'a'), put('b'));
});

test('[W-65] the success and the failure of a transaction may write the same keys', () => {
  assert.equal(check({ success: [put('a')], failure: [put('a'), del('b')] }), 'taken');
  assertTaken(txn([put('a')], [put('a')]));
  assertTaken(txn([put('a')], [del('a')]));
});

test('[W-65] two transactions in a list may not put the same key, nor one and the list', () => {
  assertDuplicate(txn([put('a')]), txn([put('a')]));
  assertDuplicate(txn([put('a')]), txn([], [put('a')]));
  assertDuplicate(txn([], [put('a')]), txn([], [put('a')]));
  assertDuplicate(put('a'), txn([], [put('a')]));
  assertTaken(txn([put('a')]), txn([put('b')]), put('c'));
});

test('[W-65] a delete reaches puts in transactions of its list, and a put deletes in them', () => {
  assertDuplicate(txn([put('a')]), del('a'));
  assertDuplicate(put('a'), txn([], [del('a')]));
  assertDuplicate(txn([txn([put('a')])]), del('a'));
});

test('[W-65] a delete in a transaction reaches the puts of later ones only', () => {
  assertDuplicate(txn([del('a')]), txn([put('a')]));
  assertTaken(txn([put('a')]), txn([del('a')]));
});

test('[W-65] a fault deep inside, or on the branch that will not be taken, is found', () => {
  const fault = [put('a'), put('a')];
  assertDuplicate(txn([], [txn([], fault)]));
  assert.match(check({ success: [], failure: fault }), /"a": it is put twice/);
});

test('ten thousand deletes and as many puts are checked in one go', () => {
  const list = (make: (key: string) => TxnOperation, name: string): TxnOperation[] =>
    Array.from({ length: 40 }, (_, at) =>
      txn(Array.from({ length: 40 }, (_, n) => make(`${name}${at}-${n}`))),
    );
  const deletes = txn([txn(list(del, 'd')), txn(list(del, 'e')), txn(list(del, 'f'))]);
  const puts = txn([txn(list(put, 'p')), txn(list(put, 'q'))]);
  assertTaken(deletes, puts);
  assertDuplicate(deletes, puts, put('f39-39'));
});
