import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePorts,
  http,
  lockstep,
  Program,
  statusOf,
  temporaryDirectory,
} from '../harness/processes.ts';
import { type MemberProcess, serveArguments, startCluster } from '../harness/real-cluster.ts';

/** The cluster serves, and names three voters that are up. */
async function assertWhole(members: readonly MemberProcess[], value: string): Promise<void> {
  for (const { address } of members) {
    const written = await http(address, '/v1/kv/whole', { method: 'PUT', body: value });
    assert.equal(written.status, 200, written.body);
    assert.equal((await http(address, '/v1/kv/whole')).body, value);
  }
}

test('a process that is not the member it claims to be is turned away with a sentence, and the cluster does not notice', async (t) => {
  const cluster = await startCluster(t, 3);
  const [a, b, c] = cluster.members;
  assert(a !== undefined && b !== undefined && c !== undefined);
  await assertWhole(cluster.members, 'first');
  const [clientPort, peerPort] = await freePorts(2);
  const clientAddress = `127.0.0.1:${clientPort}`;
  const peerAddress = `127.0.0.1:${peerPort}`;

  await t.test('two members with one name: the second one ends, the first one stays', async () => {
    const dataDir = join(temporaryDirectory(), 'again');
    const second = { ...c.plan, clientAddress, peerAddress, dataDir };
    const args = [...serveArguments(second), '--peer-advertise', c.plan.peerAddress];
    const { code, stderr } = await lockstep(args);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /the id of member c belongs to another data directory/);
    assert.match(stderr, /Put the old directory back/);
    await assertWhole(cluster.members, 'second');

    const twice = `${c.plan.initialCluster},c=${peerAddress}`;
    const doubled = await lockstep([...serveArguments({ ...c.plan, initialCluster: twice })]);
    assert.equal(doubled.code, 1);
    assert.match(doubled.stderr, /--initial-cluster names "c" more than once/);
  });

  await t.test('an --initial-cluster that does not match: both lists are shown', async () => {
    await c.stop();
    const other = c.plan.initialCluster.replace(`b=${b.plan.peerAddress}`, `d=${peerAddress}`);
    const dataDir = join(temporaryDirectory(), 'other');
    const { code, stderr } = await lockstep(
      serveArguments({ ...c.plan, initialCluster: other, dataDir }),
    );
    assert.equal(code, 1, stderr);
    assert.match(stderr, /belong to different clusters/);
    for (const list of [other, c.plan.initialCluster]) {
      assert(stderr.includes(list.split(',').sort().join()), stderr);
    }

    // Its own directory knows what it is, whatever the flag says.
    const mistaken = await lockstep(serveArguments({ ...c.plan, initialCluster: other }));
    assert.equal(mistaken.code, 1);
    assert.match(mistaken.stderr, /belongs to cluster/);
    await assertWhole([a, b], 'third');
    c.start();
    await c.ready();
  });

  await t.test('a wiped disk under an old id: it ends and says what to do', async () => {
    await c.kill();
    rmSync(c.plan.dataDir, { recursive: true });
    c.start();
    assert.deepEqual(await c.program.ended(), { code: 1, signal: null }, c.describe());
    assert.match(
      c.program.stderr,
      /a member that lost its disk must not come back under its old id/,
    );
    assert.match(c.program.stderr, /Put the old directory back/);
    await assertWhole([a, b], 'fourth');
    // Again, on the directory that its first try left behind.
    c.start();
    assert.deepEqual(await c.program.ended(), { code: 1, signal: null }, c.describe());
    assert.match(c.program.stderr, /Put the old directory back/);
  });

  await t.test(
    'an empty member that can ask nobody leads nobody, and says what it waits for',
    async () => {
      await a.kill();
      await b.kill();
      const program = new Program(
        serveArguments({ ...c.plan, dataDir: join(temporaryDirectory(), 'c') }),
      );
      await program.serving;
      const { errors, leaderId } = await statusOf(c.address);
      assert.equal(leaderId, null);
      assert.match(errors.join('\n'), /waiting for the other members before it may vote/);
      program.kill('SIGTERM');
      assert.equal((await program.ended()).code, 0);
    },
  );
});
