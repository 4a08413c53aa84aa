import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmbiguousError, DeadlineError, LockstepError, UnavailableError } from '@lockstep/client';
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
    message: "no key\n  to name all keys: '' --prefix",
    exitCode: 1,
  });
  assert.deepEqual(describeFailure(new Error('other'), at), { message: 'other', exitCode: 1 });
});
