import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AmbiguousError,
  CompactedError,
  DeadlineError,
  LockstepError,
  UnavailableError,
} from '@lockstep/client';
import { describeFailure } from './failure.ts';

const at = { endpoints: ['127.0.0.1:2379'] };

test('no member: the endpoint, what to do next and why, with exit code 2', () => {
  const error = new UnavailableError(
    'no member answers within 9 ms (127.0.0.1:2379: connection refused)',
  );
  assert.deepEqual(describeFailure(error, at), {
    message:
      'no member answers at 127.0.0.1:2379: start one with "lockstep serve", or name yours with --endpoints\n' +
      '  (127.0.0.1:2379: connection refused)',
    exitCode: 2,
  });
});

test('no answer in time is exit code 2, an unknown outcome 3, a refusal 1', () => {
  assert.equal(describeFailure(new DeadlineError('late'), at).exitCode, 2);
  const ambiguous = describeFailure(new AmbiguousError('lost'), at);
  assert.equal(ambiguous.exitCode, 3);
  assert.match(ambiguous.message, /read the key before you try again/);
  assert.deepEqual(describeFailure(new LockstepError('empty_key', 'no key'), at), {
    message:
      "no key\n  a key has at least one character; all keys, for get, del and watch: '' --prefix",
    exitCode: 1,
  });
  assert.deepEqual(describeFailure(new Error('other'), at), { message: 'other', exitCode: 1 });
});

test('a refusal says what would be right, by its code', () => {
  for (const [code, next] of [
    ['request_too_large', /split the value over keys/],
    ['lease_exists', /choose another --id/],
    ['future_revision', /"lockstep status" tells the newest/],
    ['no_space', /make room: delete keys, then "lockstep compact"/],
    ['too_many_operations', /may have 128/],
  ] as const) {
    const { message, exitCode } = describeFailure(new LockstepError(code, 'refused'), at);
    assert.match(message, next);
    assert.equal(exitCode, 1);
  }
  const { message } = describeFailure(new CompactedError('gone', 41), at);
  assert.match(message, /history up to revision 41 is gone: .*from a newer revision/);
});

test('who named the endpoints is told when nobody answers there', () => {
  const asked = { ...at, endpointsFrom: 'LOCKSTEP_ENDPOINTS' };
  const { message } = describeFailure(new UnavailableError('nobody'), asked);
  assert.match(
    message,
    /no member answers at 127\.0\.0\.1:2379 \(from LOCKSTEP_ENDPOINTS\): start/,
  );
});
