/** What `lockstep serve` writes by default: a line for each important event, and none for a request. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http, until } from '../harness/processes.ts';
import { type MemberProcess, startCluster } from '../harness/real-cluster.ts';

type Line = Readonly<Record<string, unknown>>;

/** The lines of JSON among what it wrote; its greeting is for a person and has none. */
function linesOf(member: MemberProcess): Line[] {
  const whole = member.program.stdout.split('\n').slice(0, -1);
  return whole.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text));
}

async function line(member: MemberProcess, event: string, fields: Line = {}): Promise<Line> {
  const fits = (one: Line): boolean =>
    one.event === event && Object.entries(fields).every(([name, value]) => one[name] === value);
  return until(`${member.name} logs ${event}`, () => linesOf(member).find(fits), member);
}

function put(member: MemberProcess, key: string, value = 'x') {
  return http(member.address, `/v1/kv/${key}`, { method: 'PUT', body: value });
}

test('one member logs its start, its leadership, its snapshots, a compaction, an alarm and its end', async (t) => {
  const flags = ['--quota-bytes', '3145728', '--snapshot-bytes-min', '1048576'];
  const cluster = await startCluster(t, 1, [...flags, '--wal-segment-bytes', '1048576']);
  const member = cluster.member(0);
  const started = await line(member, 'started', { level: 'info', member: 'a' });
  assert.equal(started.clientAddress, member.address);
  for (const field of ['memberId', 'clusterId', 'peerAddress', 'version', 'index', 'revision']) {
    assert.notEqual(started[field], undefined, field);
  }
  await line(member, 'became_leader', { term: 2 });
  await line(member, 'cluster_version_raised', { level: 'info' });
  const quiet = linesOf(member).length;
  for (let at = 0; at < 50; at++) await put(member, `k${at}`);
  await http(member.address, '/v1/no.such.method', { method: 'POST', body: '{' });
  assert.equal(linesOf(member).length, quiet, 'a request is no event');
  const compact = { method: 'POST', body: '{"revision":40}' };
  assert.equal((await http(member.address, '/v1/kv.compact', compact)).status, 200);
  await line(member, 'compacted', { level: 'info', revision: 40 });
  for (let at = 0; at < 4; at++) await put(member, 'k0', 'x'.repeat(1024 * 1024));
  await line(member, 'snapshot_saved', { level: 'info' });
  await line(member, 'alarm_raised', { level: 'warn', alarm: 'nospace', of: 'a' });
  assert.deepEqual(await member.stop(), { code: 0, signal: null }, member.describe());
  assert.equal(linesOf(member).at(-1)?.event, 'stopping');
});

test('of three members the others log who leads, who is gone and who is back', async (t) => {
  const cluster = await startCluster(t, 3);
  const { leader, term } = await cluster.leader();
  const [other, third] = cluster.others(leader) as [MemberProcess, MemberProcess];
  await line(leader, 'became_leader', { term });
  await line(other, 'leader_elected', { leader: leader.name, term });
  await line(other, 'joined');
  await line(other, 'peer_up', { peer: leader.name });
  await leader.kill();
  await line(other, 'peer_down', { level: 'warn', peer: leader.name });
  await line(other, 'leader_lost', { level: 'warn', leader: leader.name });
  const next = await cluster.leader([other, third]);
  await line(next.leader, 'became_leader', { term: next.term });
  leader.start();
  await leader.ready();
  await line(leader, 'leader_elected', { leader: next.leader.name });
  await line(other, 'peer_up', { peer: leader.name });
  await next.leader.stop();
  await line(next.leader, 'stepped_down');
  assert.ok(!linesOf(next.leader).some(({ event }) => event === 'failed'));
});
