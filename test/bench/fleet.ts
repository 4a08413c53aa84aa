/**
 * What a fleet costs: one decision and one grant as more hosts wait, and the status of all of them. See README.md.
 *
 *   node --conditions=source --import tsx test/bench/fleet.ts [--hosts 100,1000,5000] [--grants 300]
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Client } from '@lockstep/client';
import {
  Coordinator,
  decide,
  Fleet,
  FleetKeys,
  type HostRecord,
  Operator,
} from '@lockstep/reboot-coordinator';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';
import { percentile } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    hosts: { type: 'string', default: '100,1000,5000' },
    grants: { type: 'string', default: '300' },
    groups: { type: 'string', default: '50' },
  },
});
const groupCount = Number(options.groups);
const grantCount = Number(options.grants);
const counts = options.hosts.split(',').map(Number);
const keys = new FleetKeys();
const policy = JSON.stringify({ limit: { count: 1 } });
const micros = (ms: number): string => `${(ms * 1000).toFixed(0)} us`;

function waiting(at: number): HostRecord {
  return {
    id: `host-${at}`,
    name: `host-${at}`,
    group: `group-${at % groupCount}`,
    via: 'fleetlock',
    state: 'waiting',
    since: 1,
    bootId: 'f1d2c3b4-1111-4222-8333-444455556666',
    version: '6.1.0-40-amd64',
    request: { at: 1, reason: 'linux-image-6.1.0-41-amd64 is installed', isAsking: true },
  };
}

/** The policy alone: a host is done, and the next one is chosen. */
function decisions(count: number): void {
  const fleet = new Fleet(keys);
  let revision = 1;
  for (let group = 0; group < groupCount; group++) {
    fleet.apply(keys.group(`group-${group}`), policy, ++revision);
  }
  for (let at = 0; at < count; at++) {
    fleet.apply(keys.host(`host-${at}`), JSON.stringify(waiting(at)), ++revision);
  }
  const took: number[] = [];
  for (let cycle = 0; cycle < 2_000; cycle++) {
    const record = waiting(cycle % count);
    const key = keys.host(record.id);
    const began = performance.now();
    fleet.apply(key, JSON.stringify({ ...record, state: 'done' }), ++revision);
    const decision = decide(fleet, { now: 2 });
    took.push(performance.now() - began);
    if (decision.grants.length === 0) throw new Error('nothing was granted');
    // Back to the end of the line, so that as many wait all the time.
    fleet.apply(key, JSON.stringify(record), ++revision);
  }
  took.sort((a, b) => a - b);
  const [p50, p99] = [50, 99].map((at) => micros(percentile(Float64Array.from(took), at / 100)));
  console.log(
    `  ${String(count).padStart(6)} hosts wait: a decision for up to 16 takes p50 ${p50}, p99 ${p99}`,
  );
}

/** One grant after the other on a real member: from the record that frees the slot to the one that grants the next. */
async function grants(endpoint: string, count: number): Promise<void> {
  const client = new Client({ endpoints: [endpoint] });
  await client.delete({ prefix: keys.root });
  await client.put(keys.group('group-0'), policy);
  for (let at = 0; at < count; at += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, count - at) }, (_, index) => {
        const record = { ...waiting(at + index), group: 'group-0' };
        return client.put(keys.host(record.id), JSON.stringify(record));
      }),
    );
  }
  const coordinating = new Client({ endpoints: [endpoint] });
  const over = new AbortController();
  const watch = client.watch({ prefix: keys.hosts });
  await watch.ready();
  const coordinator = new Coordinator(coordinating);
  const running = coordinator.run(over.signal);
  const took: number[] = [];
  let freedAt: number | undefined;
  let cpu = process.cpuUsage();
  for await (const { kv } of watch) {
    const record = JSON.parse(kv.value) as HostRecord;
    if (record.state !== 'granted') continue;
    const now = performance.now();
    if (freedAt === undefined) cpu = process.cpuUsage();
    else took.push(now - freedAt);
    if (took.length >= Math.min(grantCount, count - 2)) break;
    freedAt = now;
    const { grant: _, request: __, ...rest } = record;
    await client.put(kv.key, JSON.stringify({ ...rest, state: 'done' }));
  }
  const { user, system } = process.cpuUsage(cpu);
  over.abort();
  await running;
  const status = new Operator(client, { by: 'bench' });
  const began = performance.now();
  const { hosts } = await status.status();
  const statusMs = performance.now() - began;
  took.sort((a, b) => a - b);
  const [p50, p99] = [50, 99].map((at) => percentile(Float64Array.from(took), at / 100).toFixed(2));
  const each = ((user + system) / 1000 / took.length).toFixed(2);
  console.log(
    `  ${String(count).padStart(6)} hosts wait: from a free slot to the next grant p50 ${p50} ms, p99 ${p99} ms ` +
      `(two synced writes), ${each} ms of CPU here; the status of ${hosts.length} in ${statusMs.toFixed(0)} ms`,
  );
  await Promise.all([client.close(), coordinating.close()]);
}

console.log(`The policy alone, ${groupCount} groups:`);
for (const count of counts) decisions(count);
console.log('On a real member, one group:');
const [plan] = await planMembers(1, []);
if (plan === undefined) throw new Error('no member was planned');
const member = new MemberProcess(plan);
member.start();
await member.ready();
try {
  for (const count of counts) await grants(plan.clientAddress, count);
} finally {
  await member.stop();
}
