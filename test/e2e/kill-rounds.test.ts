import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallFiles } from '../harness/real-cluster.ts';
import { killRounds, table } from './kill-rounds.ts';

test('three rounds of kill -9 under load lose no acknowledged write and no event', async (t) => {
  const rounds = 3;
  const result = await killRounds({
    rounds,
    clients: 50,
    watchersPerMember: 1,
    pauseMs: 100,
    settleMs: 200,
    flags: smallFiles,
    print: (line) => t.diagnostic(line),
  });
  for (const line of table(rounds, result).split('\n')) t.diagnostic(line);
  const { lost, wrong, watcherFaults, staleReads, unavailableMs } = result;
  assert.deepEqual([lost, wrong, watcherFaults, staleReads], [[], [], [], []]);
  assert.equal(unavailableMs.length, 2, 'the leader was killed in two of the rounds');
  // Many times what it takes, so that a busy machine does not fail the test.
  assert.ok(Math.max(...unavailableMs) < 10_000, `unavailable for ${unavailableMs.join(', ')} ms`);
  assert.ok(result.acknowledged > 200, `only ${result.acknowledged} writes were acknowledged`);
});
