import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { offline, pairs, readAll, saved } from '../harness/backups.ts';
import { Program, until } from '../harness/processes.ts';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';

test('a restore that is killed leaves nothing that starts by mistake, and can be run again', async (t) => {
  const { cluster, directory, file, before } = await saved(t);
  await cluster.kill();
  const [plan] = await planMembers(1);
  assert.ok(plan !== undefined);
  const dataDir = join(directory, 'target');
  const member = new MemberProcess({ ...plan, dataDir });
  t.after(() => member.kill());
  const restore = ['snapshot', 'restore', file, '--name', plan.name, '--data-dir', dataDir];
  const words = [...restore, '--initial-cluster', plan.initialCluster];
  let broken = 0;
  for (let round = 0; round < 6 && broken < 3; round++) {
    rmSync(`${dataDir}.unfinished`, { recursive: true, force: true });
    const program = new Program(words);
    // From before it has begun to after it is whole: each round a little later.
    const begun = () => existsSync(`${dataDir}.unfinished`) || existsSync(dataDir);
    while (!begun() && program.exit === undefined) await sleep(1);
    await sleep(round * 10);
    program.kill('SIGKILL');
    await program.ended();
    if (existsSync(dataDir)) {
      rmSync(dataDir, { recursive: true });
      continue;
    }
    broken++;
    member.start();
    assert.deepEqual(await member.program.ended(), { code: 1, signal: null }, member.describe());
    assert.match(
      member.program.stderr,
      /was broken off: .*target\.unfinished is what there is of it/,
    );
    assert.equal(existsSync(dataDir), false);
  }
  assert.ok(broken > 0, 'none was killed on its way');
  assert.equal((await offline(words)).code, 0);
  member.start();
  await member.ready();
  assert.deepEqual(pairs(await readAll(member.address)), pairs(before));
});

test('members that were restored differently, or not at all, do not become one cluster', async (t) => {
  const { cluster, directory, file } = await saved(t);
  await cluster.kill();
  const plans = await planMembers(3);
  const [a, b, c] = plans.map((plan) => ({ ...plan, dataDir: join(directory, plan.name) }));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  for (const [plan, bump] of [
    [a, '7'],
    [b, '8'],
  ] as const) {
    const where = ['--name', plan.name, '--data-dir', plan.dataDir, '--bump-revision', bump];
    const list = ['--initial-cluster', plan.initialCluster];
    assert.equal((await offline(['snapshot', 'restore', file, ...where, ...list])).code, 0);
  }
  const members = [a, b, c].map((plan) => new MemberProcess(plan));
  t.after(() => Promise.all(members.map((member) => member.kill())));
  for (const member of members) member.start();
  // What each says of the others; a third one that is fresh gives up by itself.
  const [first] = members;
  await first?.program.said(/belong to different clusters/);
  for (const member of members) {
    const look = async () =>
      member.isRunning ? await member.status().catch(() => undefined) : { leaderId: null };
    const { leaderId } = await until('it answers, or has given up', look, member);
    assert.equal(leaderId, null);
  }
});
