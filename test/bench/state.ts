/**
 * What a large state costs, beside etcd, and what disturbs others. See README.md.
 *
 *   memory        so many keys of 16 bytes with values of 256 in both systems; the restart after it
 *   versions      bytes of memory per superseded version and per lease
 *   watchers      bytes of memory per idle watch and per idle connection
 *   disturbance   p99 of puts at a steady rate while nothing else happens, and during a snapshot, a
 *                 compaction, a scan and a storm of leases that expire together
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from '@lockstep/client';
import { WebSocket } from 'ws';
import { type MemberPlan, post, type System } from './clusters.ts';
import { etcd } from './etcd.ts';
import { lockstep } from './lockstep.ts';
import type { Endpoint } from './model.ts';
import {
  cleanUp,
  freePorts,
  residentMebibytes,
  type ServerProcess,
  scratchDirectory,
  startServer,
} from './processes.ts';

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    leases: { type: 'string', default: '100000' },
    /** Puts a second while p99 is taken. */
    rate: { type: 'string', default: '2000' },
    only: { type: 'string', default: 'memory,versions,watchers,disturbance' },
  },
});
const keyCount = Number(options.keys);
const leaseCount = Number(options.leases);
const rate = Number(options.rate);
const value = 'v'.repeat(256);
const keyName = (at: number): string => `key-${String(at).padStart(12, '0')}`;
const say = (line: string): void => console.log(line);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

interface OneMember {
  readonly endpoint: Endpoint;
  readonly plan: MemberPlan;
  server: ServerProcess;
}

async function startOne(system: System): Promise<OneMember> {
  const directory = join(scratchDirectory(tmpdir()), 'a');
  mkdirSync(directory);
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const plan = { name: 'a', directory, clientPort, peerPort };
  const endpoint = { host: '127.0.0.1', port: clientPort };
  const member = { endpoint, plan, server: launch(system, plan) };
  await answering(system, member);
  return member;
}

function launch(system: System, plan: MemberPlan): ServerProcess {
  const [program, ...args] = system.command(plan, [plan]);
  return startServer(program, args, `${plan.directory}.log`);
}

/** Resolves when a put is answered. */
async function answering(system: System, { endpoint, server }: OneMember): Promise<void> {
  for (;;) {
    const answered = await system.put(endpoint, 'probe', '1').then(
      () => true,
      () => false,
    );
    if (answered) return;
    if (server.exited()) throw new Error(`${system.name} exited:\n${server.logTail()}`);
    await sleep(20);
  }
}

/** Writes keys `from` up to `to`, a hundred in a transaction. */
async function fill(
  system: System,
  { endpoint }: OneMember,
  [from, to]: readonly [number, number],
): Promise<void> {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const first = next;
      next += 100;
      const keys = Array.from({ length: Math.min(100, to - first) }, (_, at) =>
        keyName(first + at),
      );
      if (system.name === 'etcd') {
        const success = keys.map((key) => ({
          requestPut: { key: encode(key), value: encode(value) },
        }));
        await post(endpoint, '/v3/kv/txn', { success });
      } else {
        await post(endpoint, '/v1/kv.txn', {
          success: keys.map((key) => ({ put: { key, value } })),
        });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

async function memoryAndRestart(system: System): Promise<void> {
  const member = await startOne(system);
  const begin = performance.now();
  await fill(system, member, [0, keyCount]);
  say(`${system.name}: ${keyCount} keys written in ${seconds(performance.now() - begin)}`);
  await sleep(5_000);
  say(`${system.name}: ${residentMebibytes([member.server.pid]).toFixed(0)} MiB resident`);
  await member.server.stop();
  const restart = performance.now();
  member.server = launch(system, member.plan);
  await answering(system, member);
  say(`${system.name}: answers a put ${seconds(performance.now() - restart)} after its restart`);
  await sleep(3_000);
  say(`${system.name}: ${residentMebibytes([member.server.pid]).toFixed(0)} MiB then`);
  await member.server.stop();
}

/** Resident memory after some idle seconds, in which V8 gives back what it can. */
async function settledBytes({ server }: OneMember): Promise<number> {
  await sleep(12_000);
  return residentMebibytes([server.pid]) * 1024 * 1024;
}

async function versions(): Promise<void> {
  const system = lockstep([]);
  const member = await startOne(system);
  const keys = 100_000;
  const rounds = 4;
  await fill(system, member, [0, keys]);
  const once = await settledBytes(member);
  for (let round = 0; round < rounds; round++) await fill(system, member, [0, keys]);
  const often = await settledBytes(member);
  const perVersion = (often - once) / (keys * rounds);
  say(`superseded version with 256 bytes of value: ${perVersion.toFixed(0)} bytes resident`);
  const endpoints = [`${member.endpoint.host}:${member.endpoint.port}`];
  await using client = new Client({ endpoints, exactlyOnce: false, callTimeoutMs: 60_000 });
  let granted = 0;
  const grant = async (): Promise<void> => {
    while (granted < leaseCount) await client.leases.grant({ ttl: 3_600, id: String(++granted) });
  };
  await Promise.all(Array.from({ length: 100 }, grant));
  const leased = await settledBytes(member);
  say(`lease without keys: ${((leased - often) / leaseCount).toFixed(0)} bytes resident`);
  await member.server.stop();
}

/** Sends one call and waits for its answer. */
function call(socket: WebSocket, method: string, params: object): Promise<void> {
  return new Promise((resolve) => {
    socket.on('message', function answer(text) {
      if (!String(text).includes('"id":')) return;
      socket.off('message', answer);
      resolve();
    });
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  });
}

async function connections(count: number, { endpoint }: OneMember): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  for (let at = 0; at < count; at++) {
    const socket = new WebSocket(`ws://${endpoint.host}:${endpoint.port}/v1/ws`, 'lockstep.v1');
    await new Promise((resolve) => socket.once('open', resolve));
    sockets.push(socket);
  }
  return sockets;
}

async function watchers(): Promise<void> {
  const system = lockstep([]);
  const member = await startOne(system);
  const resident = (): Promise<number> => settledBytes(member);
  await sleep(3_000);
  const before = await resident();
  const sockets = await connections(2_000, member);
  const connected = await resident();
  say(`idle connection: ${((connected - before) / sockets.length / 1000).toFixed(1)} kB resident`);
  const perSocket = 5_000;
  for (const [at, socket] of sockets.slice(0, 40).entries()) {
    for (let watch = 0; watch < perSocket; watch++) {
      await call(socket, 'watch.create', { key: keyName(at * perSocket + watch) });
    }
  }
  const watching = await resident();
  say(
    `idle watch of a key: ${((watching - connected) / (40 * perSocket)).toFixed(0)} bytes resident`,
  );
  for (const socket of sockets) socket.terminate();
  await member.server.stop();
}

/**
 * Reads so many keys in chunks and looks only at the last key of each: the process that times the puts
 * must not be busy with reading the pairs.
 */
async function scanUnread({ host, port }: Endpoint, keys: number): Promise<void> {
  let after = {};
  for (let seen = 0; seen < keys; ) {
    const body = JSON.stringify({ prefix: 'key-', ...after });
    const answer = await fetch(`http://${host}:${port}/v1/kv.scan`, { method: 'POST', body });
    const text = await answer.text();
    const last = text.slice(text.lastIndexOf('"key":"') + 7).split('"', 1)[0] ?? '';
    const revision = Number(/"revision":(\d+),"kvs"/.exec(text)?.[1]);
    after = { after: last, revision };
    seen = Number(last.slice('key-'.length)) + 1;
  }
}

/** Puts at a steady rate until `stopped`; the latencies from the moment each was due. */
async function steadyPuts(client: Client, stopped: () => boolean): Promise<number[]> {
  const latencies: number[] = [];
  const begin = performance.now();
  const under: Promise<void>[] = [];
  for (let sent = 0; !stopped(); ) {
    const due = Math.floor(((performance.now() - begin) / 1000) * rate);
    for (; sent < due; sent++) {
      const dueAt = begin + (sent / rate) * 1000;
      const put = client.put(`load-${sent % 1000}`, value).then(() => {
        latencies.push(performance.now() - dueAt);
      });
      under.push(put);
    }
    await sleep(1);
  }
  await Promise.all(under);
  return latencies;
}

function percentile(latencies: readonly number[], share: number): number {
  const sorted = latencies.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** True while the member writes a snapshot aside. */
function savesSnapshot({ plan }: OneMember): boolean {
  return readdirSync(plan.directory).some((name) => name.endsWith('.snap.tmp'));
}

/** Lets the log grow until the member begins a snapshot. */
async function snapshotBegins(system: System, member: OneMember): Promise<void> {
  for (let from = 0; !savesSnapshot(member); from = (from + 2_000) % 100_000) {
    await fill(system, member, [from, from + 2_000]);
  }
}

async function disturbance(): Promise<void> {
  const system = lockstep([]);
  const member = await startOne(system);
  const { endpoint } = member;
  const keys = Math.min(keyCount, 300_000);
  await fill(system, member, [0, keys]);
  const endpoints = [`${endpoint.host}:${endpoint.port}`];
  await using loader = new Client({ endpoints, exactlyOnce: false, callTimeoutMs: 30_000 });
  await using other = new Client({ endpoints, exactlyOnce: false, callTimeoutMs: 60_000 });
  const during = async (what: string, run: () => Promise<unknown>): Promise<void> => {
    let over = false;
    const load = steadyPuts(loader, () => over);
    await run();
    over = true;
    const latencies = await load;
    say(
      `${what.padEnd(44)} p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms, worst ${percentile(latencies, 1).toFixed(0)} ms of ${latencies.length} puts`,
    );
  };
  await during('(warming up)', () => sleep(5_000));
  await during('quiet', () => sleep(10_000));
  await during('scan of 100,000 keys', () => scanUnread(endpoint, 100_000));
  await during('quiet', () => sleep(5_000));
  await snapshotBegins(system, member);
  await during('a snapshot of the whole state', async () => {
    while (savesSnapshot(member)) await sleep(5);
  });
  await during('quiet', () => sleep(5_000));
  await fill(system, member, [0, 100_000]);
  await fill(system, member, [0, 100_000]);
  await during('compaction of 200,000 superseded versions', async () => {
    const { header } = await other.status();
    await other.compact(header.revision, { physical: true });
  });
  await during('a hash of the whole state', () => other.hash());
  const ttl = 20;
  let granted = 0;
  const grant = async (): Promise<void> => {
    while (granted < leaseCount) {
      const id = String(++granted);
      await other.leases.grant({ ttl, id });
      await other.put(`leased-${id}`, 'x', { lease: id });
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: 100 }, grant));
  say(`${leaseCount} leases with a key each granted in ${seconds(performance.now() - begin)}`);
  await during(`${leaseCount} leases expire`, async () => {
    while ((await other.status()).leases > 0) await sleep(500);
  });
  await during('quiet', () => sleep(5_000));
  await member.server.stop();
}

try {
  const only = options.only.split(',');
  if (only.includes('memory'))
    for (const system of [lockstep([]), etcd]) await memoryAndRestart(system);
  if (only.includes('versions')) await versions();
  if (only.includes('watchers')) await watchers();
  if (only.includes('disturbance')) await disturbance();
} finally {
  cleanUp();
}
