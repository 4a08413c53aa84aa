/**
 * One update of a large fleet, in virtual time, on one cluster of three members.
 *
 *   node --conditions=source --import tsx test/simulation/fleet-rollout.ts [--hosts 5000] [--groups 50] [--limit 10%]
 */
import { parseArgs } from 'node:util';
import {
  Agent,
  Coordinator,
  Fleet,
  FleetKeys,
  type Host,
  Operator,
  parseLimit,
} from '@lockstep/reboot-coordinator';
import { createTestCluster } from '@lockstep/server/testing';

const { values: options } = parseArgs({
  options: {
    hosts: { type: 'string', default: '5000' },
    groups: { type: 'string', default: '50' },
    limit: { type: 'string', default: '10%' },
  },
});
const hostCount = Number(options.hosts);
const groupCount = Number(options.groups);
const downMs = 60_000;
const began = Date.now();
const elapsed = (): string => `${((Date.now() - began) / 1000).toFixed(0)} s`;

const cluster = await createTestCluster({ members: 3, seed: 1 });
const { clock } = cluster;
const client = cluster.client();
const keys = new FleetKeys();
const operator = new Operator(client, { by: 'rollout' });
const groupName = (at: number): string => `group-${at % groupCount}`;
for (let at = 0; at < groupCount; at++) {
  await cluster.advanceUntil(
    operator.setGroup(groupName(at), { limit: parseLimit(options.limit), soakMs: 5_000 }),
  );
}

let installed = 'v1';
const isDown = new Set<string>();
let mostDown = 0;

/** A machine that is down for a minute. Agents of a group share a connection, as they would a proxy. */
class Rack {
  readonly #client = cluster.client();

  start(id: string, group: string): void {
    const over = new AbortController();
    const running = installed;
    const boot = `${id}-${clock.now()}`;
    const host: Host = {
      bootId: async () => boot,
      version: async () => running,
      needsReboot: async () =>
        running === installed
          ? { needed: 'no' }
          : { needed: 'yes', reason: `${installed} is installed`, target: installed },
      drain: async () => ({ isDone: true }),
      undrain: async () => ({ isDone: true }),
      check: async () => ({ isGreen: true }),
      reboot: async () => {
        isDown.add(id);
        mostDown = Math.max(mostDown, isDown.size);
        clock.after(100, () => over.abort());
        clock.after(downMs, () => {
          isDown.delete(id);
          this.start(id, group);
        });
        return { isDone: true };
      },
    };
    new Agent(this.#client, { host, id, group, ttl: 300, pollMs: 30_000 })
      .run(over.signal)
      .catch((error: unknown) => {
        if (!over.signal.aborted) throw error;
      });
  }
}

const racks = Array.from({ length: groupCount }, () => new Rack());
// Machines come up over a minute, as those of a data centre do, and so do their looks for updates.
for (let at = 0; at < hostCount; at++) {
  clock.after((at * 60_000) / hostCount, () =>
    racks[at % groupCount]?.start(`host-${at}`, groupName(at)),
  );
}

// Follows the records as they are written, and holds each grant against the limit.
const seen = new Fleet(keys);
const most = new Map<string, number>();
let grants = 0;
const watch = client.watch({ prefix: keys.root, initial: true });
const following = (async () => {
  for await (const { type, kv } of watch) {
    seen.apply(kv.key, type === 'put' ? kv.value : undefined, kv.modRevision);
    const key = keys.read(kv.key);
    if (key?.kind === 'guard') grants = Number(kv.value);
    if (key?.kind !== 'host') continue;
    const group = seen.hosts.get(key.host)?.record.group ?? '';
    const holders = seen.groups.get(group)?.holders.size ?? 0;
    most.set(group, Math.max(most.get(group) ?? 0, holders));
  }
})();
const over = new AbortController();
const coordinator = new Coordinator(cluster.client());
const coordinating = coordinator.run(over.signal);

const isRegistered = (): boolean =>
  seen.hosts.size === hostCount &&
  [...seen.hosts.values()].every(({ alive }) => alive !== undefined);
while (!isRegistered()) {
  await cluster.advance(10_000);
  if (cluster.now > 600_000) throw new Error('the hosts do not register');
}
console.log(`${hostCount} hosts in ${groupCount} groups are registered (${elapsed()})`);
installed = 'v2';
const start = cluster.now;
const isDone = (): boolean =>
  [...seen.hosts.values()].every(
    ({ record }) => record.state === 'done' && record.version === 'v2',
  );
while (!isDone()) {
  await cluster.advance(60_000);
  const done = [...seen.hosts.values()].filter(({ record }) => record.version === 'v2').length;
  console.log(
    `  after ${Math.round((cluster.now - start) / 60_000)} min: ${done} updated, ${isDown.size} down (${elapsed()})`,
  );
  if (cluster.now - start > 24 * 3_600_000) throw new Error('the rollout does not come to its end');
}
over.abort();
await coordinating;
watch.close();
await following;
const perGroup = Math.max(...most.values());
const minutes = ((cluster.now - start) / 60_000).toFixed(0);
console.log(
  `${hostCount} hosts updated in ${minutes} min of virtual time, ${grants} grants, at most ${perGroup} slots held in a group ` +
    `(limit ${options.limit} of ${hostCount / groupCount}), at most ${mostDown} hosts down at once, in ${elapsed()}`,
);
await cluster.close();
process.exit(0);
