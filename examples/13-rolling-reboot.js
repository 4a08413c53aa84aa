// Three hosts reboot into a new version: one at a time, and the next only when the one before serves again.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@lockstep/client';
import { Agent, Coordinator, Operator } from '@lockstep/reboot-coordinator';

const fleet = 'examples/fleet';
const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
await client.delete({ prefix: fleet });
const operator = new Operator(client, { fleet, by: 'the example' });
await operator.setGroup('web', { limit: { count: 1 }, soakMs: 100 });

/** A machine that is not there: what it says here, a real one would do. `LinuxHost` is one. */
function pretendHost(name) {
  let boot = 1;
  const say = (what) => {
    console.log(`${name} ${what}`);
    return { isDone: true };
  };
  return {
    bootId: async () => `boot-${boot}`,
    version: async () => `1.${boot}`,
    needsReboot: async () =>
      boot === 1 ? { needed: 'yes', reason: 'an update', target: '1.2' } : { needed: 'no' },
    drain: async () => say('takes no new requests'),
    reboot: async () => say(`goes down in its boot ${boot++}`),
    undrain: async () => say(`takes requests again, with version 1.${boot}`),
    check: async () => ({ isGreen: true }),
  };
}

const stop = new AbortController();
const running = [];
for (const id of ['host-1', 'host-2', 'host-3']) {
  const times = { pollMs: 1_000, checkEveryMs: 50, leaveWithinMs: 1_000, ttl: 10 };
  const agent = new Agent(client, { host: pretendHost(id), id, group: 'web', fleet, ...times });
  running.push(agent.run(stop.signal));
  await until((status) => status.hosts.some((host) => host.id === id && host.state === 'waiting'));
}
console.log('all wait');
// Any number of these may run, on the hosts or elsewhere.
running.push(new Coordinator(client, { fleet }).run(stop.signal));
await until((status) => status.hosts.every(({ state }) => state === 'done'));

const kinds = (await operator.history()).map(({ kind }) => kind);
const count = (kind) => kinds.filter((one) => one === kind).length;
console.log(`${count('granted')} slots granted, ${count('done')} done, ${count('failed')} failed`);
stop.abort();
await Promise.all(running);
await client.close();

async function until(isSo) {
  while (!isSo(await operator.status())) await sleep(50);
}
