import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, LeaseLostError, Session } from '@lockstep/client';
import { planMembers, RealMember } from '../harness/real-cluster.ts';

/** As a long computation does: nothing of this thread runs. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('while the event loop is blocked for longer than the lease, a thread keeps a session and a loop loses it truthfully', async (t) => {
  const [plan] = await planMembers(1);
  const member = new RealMember(plan ?? assert.fail());
  t.after(() => member.kill());
  await member.start();
  const client = new Client({ endpoints: plan?.clientAddress ?? '' });
  t.after(() => client.close());
  const byThread = await Session.open(client, { ttl: 2, keepAlive: 'worker' });
  await client.put('thread', '1', { lease: byThread.leaseId });
  const byLoop = await Session.open(client, { ttl: 2 });
  await client.put('loop', '1', { lease: byLoop.leaseId });
  // The thread needs a moment to begin.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  block(4_000);
  byThread.assertValid();
  assert.throws(() => byLoop.assertValid(), LeaseLostError);
  assert.equal(byLoop.remainingMs(), 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await client.get('thread'))?.value, '1');
  byThread.assertValid();
  assert.equal(byThread.lost.aborted, false);
  await byThread.close();
  assert.equal(await client.get('thread'), undefined);
});
