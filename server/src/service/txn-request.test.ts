import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type Compare,
  limits,
  TableError,
  type TxnOperation,
  type TxnParams,
} from '@lockstep/client/protocol';
import { txnRequest } from './txn-request.ts';

function refusal(params: TxnParams): string {
  try {
    txnRequest(params);
  } catch (error) {
    assert.ok(error instanceof TableError);
    return `${error.code}: ${error.message}`;
  }
  return 'taken';
}

const ranges = (count: number): TxnOperation[] => Array(count).fill({ range: { key: 'a' } });
const within = (txn: TxnParams): TxnOperation => ({ txn });

test('[W-65] each level takes the most that one of its three lists has', () => {
  const most = limits.txnOperationsMax;
  const compare = (count: number): Compare[] =>
    Array(count).fill({ key: 'a', target: 'mod', operator: '=', operand: 0 });
  assert.equal(
    refusal({ compare: compare(most), success: ranges(most), failure: ranges(most) }),
    'taken',
  );
  for (const params of [
    { compare: compare(most + 1) },
    { success: ranges(most + 1) },
    { failure: ranges(most + 1) },
  ]) {
    assert.match(
      refusal(params),
      /^too_many_operations: etcdserver: too many operations in txn request; 128/,
    );
  }
});

test('[W-65] the operations of all levels along a path are counted, those of siblings are not', () => {
  const most = limits.txnOperationsMax;
  const child = within({ failure: ranges(most - 2) });
  assert.equal(refusal({ success: [child, child], failure: [child] }), 'taken');
  assert.match(refusal({ success: [child, child, child] }), /^too_many_operations/);
  assert.match(
    refusal({ success: [within({ success: [within({ success: ranges(most - 1) })] })] }),
    /^too_many/,
  );
});

test('[W-65] too many operations are told before what is wrong with one of them', () => {
  const wrong = { range: { key: '' } };
  assert.match(
    refusal({ success: [...ranges(limits.txnOperationsMax), wrong] }),
    /^too_many_operations/,
  );
});

test('[W-6] what only the service sees is named by its place too', () => {
  const put = { key: 'a', value: '1' };
  const cases: [TxnParams, RegExp][] = [
    [
      { compare: [{ key: '', target: 'mod', operator: '=', operand: 0 }] },
      /^empty_key: etcdserver: key is not provided; params\.compare\[0\]\.key/,
    ],
    [
      { success: [{ put }, { put: { ...put, key: '' } }] },
      /^empty_key: .*params\.success\[1\]\.put\.key/,
    ],
    [
      { failure: [within({ success: [{ deleteRange: {} }] })] },
      /^invalid_params: one of params\.failure\[0\]\.txn\.success\[0\]\.deleteRange\.key/,
    ],
    [{ success: [{ put: { key: 'a' } }] }, /params\.success\[0\]\.put\.value is missing/],
    [
      { success: [{ put: { ...put, ignoreValue: true } }] },
      /^value_provided: etcdserver: value is provided; .*success\[0\]/,
    ],
    [
      { success: [{ put: { ...put, lease: '7', ignoreLease: true } }] },
      /^lease_provided: etcdserver: lease is provided/,
    ],
    [
      { success: [{ range: { key: '\ud800' } }] },
      /params\.success\[0\]\.range\.key holds half of a surrogate/,
    ],
  ];
  for (const [params, pattern] of cases) assert.match(refusal(params), pattern);
});

test('[W-63] the operand of a condition fits its target', () => {
  const compare = (target: 'mod' | 'value' | 'lease', operand: string | number): string =>
    refusal({ compare: [{ key: 'a', target, operator: '<', operand }] });
  assert.equal(compare('mod', 7), 'taken');
  assert.equal(compare('value', ''), 'taken');
  assert.equal(compare('lease', '-9223372036854775808'), 'taken');
  assert.match(
    compare('mod', '7'),
    /params\.compare\[0\]\.operand must be a whole number, since the condition is on mod/,
  );
  assert.match(compare('value', 7), /operand must be a string, or .* on value/);
  assert.match(compare('lease', 7), /operand must be a 64-bit number in a string/);
  assert.match(
    compare('lease', '9223372036854775808'),
    /operand must be a 64-bit number in a string/,
  );
});

test('[W-62] an empty value beside ignoreValue is none', () => {
  for (const value of ['', { base64: '' }, undefined]) {
    const put = { key: 'a', ignoreValue: true, ...(value === undefined ? {} : { value }) };
    assert.equal(refusal({ success: [{ put }] }), 'taken');
  }
});

test('every part arrives at the store with all of its fields', () => {
  const { compares, success, failure } = txnRequest({
    compare: [{ prefix: 'a', target: 'value', operator: '!=', operand: { base64: '/w==' } }],
    success: [{ put: { key: 'k', value: 'ü', lease: '7', prevKv: true } }, within({})],
    failure: [
      { deleteRange: { key: 'k', rangeEnd: '\0', prevKv: true } },
      { range: { prefix: '', sortOrder: 'descend' } },
    ],
  });
  assert.deepEqual(compares, [
    { key: 'a', rangeEnd: 'b', operator: '!=', target: 'value', operand: '\xff' },
  ]);
  const put = {
    key: 'k',
    value: '\xc3\xbc',
    lease: '7',
    prevKv: true,
    ignoreValue: false,
    ignoreLease: false,
  };
  assert.deepEqual(success, [
    { type: 'put', request: put },
    { type: 'txn', request: { compares: [], success: [], failure: [] } },
  ]);
  const range = {
    key: '\0',
    rangeEnd: '\0',
    limit: 0,
    revision: 0,
    keysOnly: false,
    countOnly: false,
    sortOrder: 'descend',
    sortTarget: 'key',
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
  assert.deepEqual(failure, [
    { type: 'deleteRange', request: { key: 'k', rangeEnd: '\0', prevKv: true } },
    { type: 'range', request: range },
  ]);
});
