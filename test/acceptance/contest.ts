/**
 * Twenty contenders for one mutex in five processes, while members are killed, stopped and cut off, and so are the
 * processes of the contenders; at random from one seed. What is demanded: no two of them ever believed to hold the
 * mutex at one moment, and guarded writes are in the order of tokens.
 *
 *   node --conditions=source --import tsx test/acceptance/contest.ts --minutes 10
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from '@lockstep/client';
import { Random } from '../../server/src/core/base/random.ts';
import { proxies } from '../harness/behind-proxies.ts';
import { iterate } from '../harness/clients.ts';
import { until } from '../harness/processes.ts';
import type { TcpProxy } from '../harness/tcp-proxy.ts';
import type { Belief, ContestReport } from './contest-process.ts';
import { FaultyCluster } from './faulty-cluster.ts';

export interface ContestOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

export interface ContestResult {
  readonly acquisitions: number;
  readonly writes: number;
  readonly losses: number;
  /** How long two believed to hold it, at most; negative: how long nobody did, at least. In milliseconds. */
  readonly overlapMs: number;
  readonly faults: Readonly<Record<string, number>>;
}

const processes = 5;
const contendersEach = 4;
const ttl = 3;
const name = 'contest';

/** A process of contenders, and what stands between it and the members. */
class Contenders {
  readonly #child: ChildProcess;
  readonly #between: readonly TcpProxy[];

  private constructor(child: ChildProcess, between: readonly TcpProxy[]) {
    this.#child = child;
    this.#between = between;
  }

  static async start(members: readonly string[]): Promise<Contenders> {
    const between = await proxies(members);
    const endpoints = between.map(({ address }) => address);
    const child = fork(
      fileURLToPath(new URL('contest-process.ts', import.meta.url)),
      [name, String(ttl), String(contendersEach), ...endpoints],
      { execArgv: ['--conditions=source', '--import', 'tsx'] },
    );
    await once(child, 'message');
    return new Contenders(child, between);
  }

  stop(): void {
    this.#child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  cutOff(): void {
    for (const proxy of this.#between) proxy.silence();
  }

  letThrough(): void {
    for (const proxy of this.#between) proxy.restore();
  }

  async finish(): Promise<ContestReport> {
    const [[report], [code]] = await Promise.all([
      once(this.#child, 'message'),
      once(this.#child, 'exit'),
      this.#child.send('finish'),
    ]);
    assert.equal(code, 0);
    return report;
  }

  close(): void {
    this.#child.kill('SIGKILL');
    for (const proxy of this.#between) proxy.close();
  }
}

export async function contest({ seconds, seed, print }: ContestOptions): Promise<ContestResult> {
  const random = new Random(seed);
  const faulty = await FaultyCluster.plan();
  const faults: Record<string, number> = { 'stopped contenders': 0, 'cut off contenders': 0 };
  const all: Contenders[] = [];
  const client = new Client({ endpoints: faulty.endpoints, callTimeoutMs: 60_000 });
  try {
    await faulty.cluster.start();
    const log = iterate(client.watch({ key: `${name}.log`, overflow: 'block' }));
    const tokens: number[] = [];
    const reading = readAll(log, tokens);
    for (let at = 0; at < processes; at++) all.push(await Contenders.start(faulty.endpoints));
    const end = performance.now() + seconds * 1_000;
    while (performance.now() < end) {
      const hit = breakContenders(random.pick(all), random, faults);
      const done = await faulty.breakOne(random);
      print(`${done}; meanwhile ${await hit}; ${tokens.length} writes`);
      const before = tokens.length;
      await faulty.cluster.caughtUp();
      await until('somebody holds the mutex again', () => tokens.length > before);
    }
    const reports = await Promise.all(all.map((contenders) => contenders.finish()));
    await client.put(`${name}.log`, 'end');
    await reading;
    assert.deepEqual(
      tokens,
      tokens.toSorted((left, right) => left - right),
      'writes in order',
    );
    const beliefs = reports.flatMap((report) => report.beliefs);
    return {
      acquisitions: beliefs.length,
      writes: tokens.length,
      losses: reports.reduce((sum, report) => sum + report.losses, 0),
      overlapMs: overlapOf(beliefs),
      faults: { ...faulty.faults, ...faults },
    };
  } finally {
    for (const contenders of all) contenders.close();
    await client.close({ drainMs: 0 });
    await faulty.close();
  }
}

async function readAll(
  log: AsyncIterator<{ readonly value: string }>,
  tokens: number[],
): Promise<void> {
  for (;;) {
    const { value: event } = await log.next();
    if (event === undefined || event.value === 'end') return;
    tokens.push(Number(event.value));
  }
}

/** Stops a process, or cuts it off, for up to three times as long as a lease lives. */
async function breakContenders(
  contenders: Contenders,
  random: Random,
  faults: Record<string, number>,
): Promise<string> {
  const forMs = random.below(3 * ttl * 1_000);
  const isStop = random.below(2) === 0;
  const what = isStop ? 'stopped contenders' : 'cut off contenders';
  faults[what] = (faults[what] ?? 0) + 1;
  if (isStop) contenders.stop();
  else contenders.cutOff();
  await sleep(forMs);
  if (isStop) contenders.goOn();
  else contenders.letThrough();
  return `${what} for ${forMs} ms`;
}

function overlapOf(beliefs: readonly Belief[]): number {
  const inOrder = beliefs.toSorted((left, right) => left.from - right.from);
  let until = Number.NEGATIVE_INFINITY;
  let overlap = Number.NEGATIVE_INFINITY;
  for (const { from, to } of inOrder) {
    overlap = Math.max(overlap, until - from);
    until = Math.max(until, to);
  }
  return overlap;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
    },
  });
  const seconds = Number(values.minutes) * 60;
  const print = (line: string): void => console.log(line);
  console.log(await contest({ seconds, seed: Number(values.seed), print }));
}
