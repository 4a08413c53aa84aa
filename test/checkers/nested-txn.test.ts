import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, History, type TxnAsk } from './history.ts';
import { checkLinearizable } from './linearizability.ts';

/** Writes a key, and asks in an inner transaction whether it is there. */
const request: TxnAsk = {
  type: 'txn',
  compare: [],
  success: [
    { type: 'put', key: 'k', value: 'v' },
    {
      type: 'txn',
      compare: [{ key: 'k', target: 'version', operator: '>', operand: 0 }],
      success: [],
      failure: [{ type: 'put', key: 'other', value: 'v' }],
    },
  ],
  failure: [],
};

function check(inner: Answer): void {
  const history = new History();
  const answer: Answer = { type: 'txn', succeeded: true, answers: [{ type: 'put' }, inner] };
  const id = history.begin('c', request, 1);
  history.ended(id, { type: 'ok', revision: 2, answer }, 2);
  checkLinearizable(history);
}

test('a condition of an inner transaction is about the state before the whole, and another answer is found', () => {
  check({ type: 'txn', succeeded: false, answers: [{ type: 'put' }] });
  assert.throws(
    () => check({ type: 'txn', succeeded: true, answers: [] }),
    /linearizability: .*operation 1/,
  );
});
