import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

/** Fails the test when a promise is rejected during it and nobody listens. */
export function noUnhandledRejections(context: TestContext): void {
  const reasons: unknown[] = [];
  const note = (reason: unknown): void => {
    reasons.push(reason);
  };
  process.on('unhandledRejection', note);
  context.after(async () => {
    // They are told of after the microtasks of the turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    assert.deepEqual(reasons, []);
  });
}
