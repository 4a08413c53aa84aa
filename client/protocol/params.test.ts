import assert from 'node:assert/strict';
import test from 'node:test';
import { TableError } from './errors.ts';
import { limits } from './limits.ts';
import type { MethodName } from './methods.ts';
import { isLeaseId, parseParams } from './params.ts';

function refusal(method: MethodName, params: object): string {
  try {
    parseParams(method, params);
  } catch (error) {
    assert.ok(error instanceof TableError);
    return `${error.code}: ${error.message}`;
  }
  assert.fail(`nothing was refused: ${JSON.stringify(params)}`);
}

/** Each of these params is refused with a text that has the pattern. */
function assertRefused(method: MethodName, cases: readonly (readonly [object, RegExp])[]): void {
  for (const [params, pattern] of cases) assert.match(refusal(method, params), pattern);
}

const put = (fields: object = {}) => ({ put: { key: 'a', value: '1', ...fields } });

test('[W-6] a fault inside a transaction is named by its place in the params', () => {
  const second = { txn: { failure: [{ range: { key: 'a', limt: 1 } }] } };
  assertRefused('kv.txn', [
    [
      { success: [put(), put(), put({ kee: 'b' })] },
      /^invalid_params: params\.success\[2\]\.put\.kee is not a parameter of put; did you mean key\?$/,
    ],
    [
      { success: [put(), second] },
      /params\.success\[1\]\.txn\.failure\[0\]\.range\.limt is not a parameter of range; did you mean limit\?/,
    ],
    [
      { compare: [{ key: 'a', operator: '=', operand: 1 }] },
      /params\.compare\[0\]\.target is missing/,
    ],
    [{ success: [7] }, /params\.success\[0\] must be an object; got 7/],
    [{ success: {} }, /params\.success must be a list of .*; got an empty object/],
    [
      { success: [{ range: null }] },
      /params\.success\[0\]\.range must be the params of kv\.range; got null/,
    ],
    [
      { success: [{ put: { value: '1' } }] },
      /params\.success\[0\]\.put\.key is missing: put needs a string/,
    ],
    [{ sucess: [] }, /params\.sucess is not a parameter of kv\.txn; did you mean success\?/],
  ]);
});

test('[W-64] an operation is exactly one of the four', () => {
  const exactlyOne =
    /params\.success\[0\] must have exactly one of range, put, deleteRange and txn/;
  assertRefused('kv.txn', [
    [{ success: [{}] }, exactlyOne],
    [{ success: [{ ...put(), range: { key: 'a' } }] }, exactlyOne],
    [
      { success: [{ delete: { key: 'a' } }] },
      /delete is not a parameter of an operation; there are range/,
    ],
  ]);
});

test('[W-64] what belongs to a whole call is no parameter inside a transaction', () => {
  const once = { clientId: '1', sequence: 1, ackedBelow: 1 };
  assertRefused('kv.txn', [
    [{ success: [put({ once })] }, /params\.success\[0\]\.put\.once is not a parameter of put/],
    [{ success: [{ deleteRange: { key: 'a', once } }] }, /deleteRange\.once is not a parameter/],
    [{ success: [{ txn: { once } }] }, /params\.success\[0\]\.txn\.once is not a parameter of txn/],
    [
      { success: [{ range: { key: 'a', minRevision: 1 } }] },
      /range\.minRevision is not a parameter/,
    ],
  ]);
  assert.deepEqual(parseParams('kv.txn', { once }), { once });
});

test('[W-65] transactions that are nested too deep are refused without looking further', () => {
  const nested = (depth: number): object =>
    depth === 0 ? {} : { success: [{ txn: nested(depth - 1) }] };
  parseParams('kv.txn', nested(limits.txnOperationsMax));
  assert.match(
    refusal('kv.txn', nested(limits.txnOperationsMax + 1)),
    /^too_many_operations: etcdserver: too many operations in txn request/,
  );
  const text = `${'{"success":[{"txn":'.repeat(100_000)}{}${'}]}'.repeat(100_000)}`;
  assert.match(refusal('kv.txn', JSON.parse(text)), /^too_many_operations/);
});

test('[W-60] a sort that is none is told what there is, in etcd words first', () => {
  assertRefused('kv.range', [
    [
      { key: 'a', sortOrder: 'descending' },
      /^invalid_sort_option: etcdserver: invalid sort option; params\.sortOrder must be none, ascend or descend; got the string "descending"$/,
    ],
    [
      { key: 'a', sortTarget: 'size' },
      /^invalid_sort_option: .*key, version, create, mod or value/,
    ],
    [{ key: 'a', sortOrder: 1 }, /^invalid_sort_option: .*got 1$/],
  ]);
  assert.match(
    refusal('kv.txn', { failure: [{ range: { key: 'a', sortTarget: 'lease' } }] }),
    /^invalid_sort_option: .*params\.failure\[0\]\.range\.sortTarget/,
  );
});

test('[W-63] a condition has a target, an operator and an operand of the kinds there are', () => {
  const compare = (fields: object) => ({
    compare: [{ key: 'a', target: 'mod', operator: '=', operand: 1, ...fields }],
  });
  assertRefused('kv.txn', [
    [
      compare({ target: 'modRevision' }),
      /compare\[0\]\.target must be version, create, mod, value or lease/,
    ],
    [
      compare({ operator: '==' }),
      /compare\[0\]\.operator must be =, !=, < or >; got the string "=="/,
    ],
    [compare({ operand: -1 }), /compare\[0\]\.operand must be a whole number.*got -1/],
    [compare({ operand: true }), /operand must be .*got true/],
  ]);
  const large = JSON.parse(
    '{"compare":[{"key":"a","target":"mod","operator":"<","operand":1e300}]}',
  );
  assert.equal(parseParams('kv.txn', large).compare?.[0]?.operand, Number.MAX_SAFE_INTEGER);
});

test('[W-21] a lease id is any signed 64-bit number in its shortest form', () => {
  const max = '9223372036854775807';
  const min = '-9223372036854775808';
  for (const id of ['0', '7', '-7', max, min]) {
    assert.ok(isLeaseId(id), id);
    assert.equal(parseParams('lease.revoke', { id }).id, id);
  }
  for (const id of ['', '-', '-0', '07', '+7', '7.0', ' 7', '1e3', '9223372036854775808']) {
    assert.ok(!isLeaseId(id), id);
    assert.match(
      refusal('kv.put', { key: 'a', lease: id }),
      /lease must be a 64-bit number in a string/,
    );
  }
  assert.ok(!isLeaseId('-9223372036854775809') && !isLeaseId('9'.repeat(1000)));
  assert.match(refusal('lease.grant', { ttl: 1, id: 7 }), /id must be .*got 7/);
});

test('[W-21] negative numbers are refused, whatever they count', () => {
  assertRefused('lease.grant', [[{ ttl: -1 }, /ttl must be a whole number, 0 or greater; got -1/]]);
  assertRefused('kv.compact', [[{ revision: -5 }, /0 or greater; got -5/]]);
  assertRefused('kv.range', [[{ key: 'a', maxCreateRevision: -1 }, /maxCreateRevision must be/]]);
});

test('[W-75] once has all of its three members, of the right types', () => {
  const once = { clientId: '12', sequence: 3, ackedBelow: 2 };
  assert.deepEqual(parseParams('lease.revoke', { id: '7', once }), { id: '7', once });
  const { ackedBelow: _, ...two } = once;
  assertRefused('kv.put', [
    [{ key: 'a', once: two }, /params\.once\.ackedBelow is missing: once needs a whole number/],
    [
      { key: 'a', once: { ...once, clientId: 12 } },
      /params\.once\.clientId must be a decimal number in a string/,
    ],
    [{ key: 'a', once: { ...once, seq: 3 } }, /params\.once\.seq is not a parameter of once/],
    [{ key: 'a', once: '12' }, /params\.once must be \{"clientId".*got the string "12"/],
  ]);
});

test('[W-37] the ranges of a watch are a list of selectors', () => {
  const ranges = [{ prefix: 'a/' }, { key: 'b', rangeEnd: 'c' }];
  assert.deepEqual(parseParams('watch.create', { ranges }), { ranges });
  assertRefused('watch.create', [
    [{ ranges: { prefix: 'a/' } }, /ranges must be a list of \{"key"\}.*got an object with prefix/],
    [{ ranges: ['a/'] }, /ranges\[0\] must be an object; got the string "a\/"/],
    [
      { ranges: [{ prefx: 'a/' }] },
      /ranges\[0\]\.prefx is not a parameter of a range; did you mean prefix\?/,
    ],
  ]);
});

test('[W-81] an alarm is one of two', () => {
  assert.match(
    refusal('maintenance.disarm', { alarm: 'NOSPACE' }),
    /params\.alarm must be nospace or corrupt; got the string "NOSPACE"/,
  );
});
