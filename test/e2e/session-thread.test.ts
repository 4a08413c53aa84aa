import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';

/** A program of the built package, as users run it: a loader for sources does not reach its thread. */
const program = `
(async () => {
const { Client, Session } = await import('@lockstep/client');
const { setTimeout: sleep } = await import('node:timers/promises');
const client = new Client({ endpoints: process.argv[1] });
const thread = await Session.open(client, { ttl: 2, keepAlive: 'worker' });
await client.put('thread', '1', { lease: thread.leaseId });
const loop = await Session.open(client, { ttl: 2 });
const told = [];
thread.lost.addEventListener('abort', () => told.push(thread.lost.reason.name));
const nameOf = (session) => { try { session.assertValid(); return 'valid'; } catch (e) { return e.name; } };
await sleep(1_000);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.5 * thread.ttlMs);
const blocked = { thread: nameOf(thread), loop: nameOf(loop), loopMs: loop.remainingMs() };
await sleep(500);
const later = { thread: nameOf(thread), key: (await client.get('thread'))?.value, told: [...told] };
await thread.close();
const closed = { key: (await client.get('thread'))?.value ?? 'gone', told };
await client.close();
console.log(JSON.stringify({ blocked, later, closed }));
})();
`;

test('while the event loop is blocked for longer than the lease, a thread keeps a session and a loop loses it truthfully', async (t) => {
  const [plan] = await planMembers(1);
  const member = new MemberProcess(plan ?? assert.fail());
  t.after(() => member.kill());
  member.start();
  await member.ready();
  const parameters = ['-e', program, member.address];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    cwd,
    timeout: 30_000,
  });
  assert.deepEqual(JSON.parse(stdout), {
    blocked: { thread: 'valid', loop: 'LeaseLostError', loopMs: 0 },
    later: { thread: 'valid', key: '1', told: [] },
    closed: { key: 'gone', told: ['ClosedError'] },
  });
});
