import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Client, op, Session } from '@lockstep/client';
import { LockLostError, Mutex } from '@lockstep/locks';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';
import { runScript } from '../harness/script-process.ts';

async function startMember(t: { after(run: () => Promise<void>): void }): Promise<MemberProcess> {
  const [plan] = await planMembers(1);
  const member = new MemberProcess(plan ?? assert.fail());
  t.after(() => member.kill());
  member.start();
  await member.ready();
  return member;
}

/** Holds a lock of 2 s and blocks its event loop for twice as long: no timer runs, no renewal is sent. */
function blocked(endpoint: string): string {
  return `
    import { Client, op, Session } from '@lockstep/client';
    import { Mutex } from '@lockstep/locks';
    const client = new Client({ endpoints: ${JSON.stringify(endpoint)} });
    const session = await Session.open(client, { ttl: 2 });
    const lock = await new Mutex(session, 'a').acquire();
    await lock.txn().do(op.put('holder', String(lock.token))).commit();
    const nameOf = async (run) => { try { await run(); return 'passed'; } catch (error) { return error.name; } };
    const before = [await nameOf(() => lock.assertHeld()), lock.lost.aborted];
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    const asked = [lock.remainingMs(), await nameOf(() => lock.assertHeld()), lock.lost.aborted];
    const write = await nameOf(() => lock.txn().do(op.put('holder', 'late')).commit());
    const released = await lock.release();
    await client.close();
    console.log(JSON.stringify({ before, asked, write, released }));
  `;
}

test('row 13: a holder whose event loop was blocked for two TTLs knows it when it asks, and cannot write', async (t) => {
  const member = await startMember(t);
  const client = new Client({ endpoints: member.address });
  t.after(() => client.close({ drainMs: 0 }));
  const other = await Session.open(client, { ttl: 10 });
  const holder = client.watch({ key: 'holder' });
  await holder.ready();
  const ended = runScript(t, blocked(member.address));
  for await (const _ of holder) break;
  const lock = await new Mutex(other, 'a').acquire();
  const { out, err } = await ended;
  assert.equal(err, '');
  assert.deepEqual(JSON.parse(out), {
    before: ['passed', false],
    asked: [0, 'LockLostError', true],
    write: 'LockLostError',
    released: false,
  });
  await lock.txn().do(op.put('holder', 'next')).commit();
  assert.equal((await client.get('holder'))?.value, 'next');
});

test('row 3: a holder whose store stands still for longer than the TTL is told in time', async (t) => {
  const member = await startMember(t);
  const client = new Client({ endpoints: member.address, callTimeoutMs: 20_000 });
  t.after(() => client.close({ drainMs: 0 }));
  const session = await Session.open(client, { ttl: 2 });
  const lock = await new Mutex(session, 'a').acquire();
  const stopped = performance.now();
  member.program.kill('SIGSTOP');
  t.after(async () => void member.program.kill('SIGCONT'));
  await once(lock.lost, 'abort');
  const tookMs = performance.now() - stopped;
  assert.ok(tookMs < 2_000, `told after ${Math.round(tookMs)} ms of a lease of 2 s`);
  assert.ok(lock.lost.reason instanceof LockLostError);
  const late = lock.txn().do(op.put('late', '1')).commit();
  member.program.kill('SIGCONT');
  // The lease may live a little longer than its TTL, so a write may still pass; never after the next holder.
  await late.catch((error: unknown) => assert.ok(error instanceof LockLostError));
  const next = await new Mutex(await Session.open(client, { ttl: 2 }), 'a').acquire();
  assert.ok(next.token > lock.token);
  await assert.rejects(lock.txn().do(op.put('late', '2')).commit(), LockLostError);
});
