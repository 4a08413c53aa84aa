import assert from 'node:assert/strict';
import { errorTable, isErrorCode } from '@lockstep/client/protocol';

/** Rows that no request can bring about, however odd it is: they say that the member is at fault. */
const ownFaults = ['internal', 'corrupt'];

/** That an error is a row of the table, whole, and not one that the member itself is to blame for. */
export function assertTableError(error: unknown, context: string): void {
  assert.ok(typeof error === 'object' && error !== null && 'data' in error, context);
  assert.ok('code' in error && 'message' in error, context);
  const { data } = error;
  assert.ok(typeof data === 'object' && data !== null && 'code' in data, context);
  assert.ok(isErrorCode(data.code), context);
  assert.ok(!ownFaults.includes(data.code), context);
  const { number, retryable, ambiguous } = errorTable[data.code];
  const said = {
    number: error.code,
    retryable: 'retryable' in data && data.retryable,
    ambiguous: 'ambiguous' in data && data.ambiguous,
  };
  assert.deepEqual(said, { number, retryable, ambiguous }, context);
  assert.ok(typeof error.message === 'string' && error.message.length > 0, context);
  // What a client reads on a terminal must not be what it sent, megabytes of it.
  assert.ok(error.message.length < 5_000, `${error.message.length} characters of ${data.code}`);
}
