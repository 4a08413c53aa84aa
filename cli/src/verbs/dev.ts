import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../child.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { wholeNumber } from '../selection.ts';

export interface DevOptions {
  readonly members: string;
  readonly basePort: string;
  readonly dataDir?: string;
  /** False for `--no-restart`. */
  readonly restart: boolean;
}

export interface PlannedMember {
  readonly name: string;
  readonly address: string;
  readonly flags: readonly string[];
}

const counts: readonly number[] = [1, 3, 5];
const restartMsMin = 1_000;
const restartMsMax = 10_000;
/** A member that ran this long had started well, so the next pause is a short one again. */
const stableMs = 10_000;

const command = fileURLToPath(new URL('../../bin/lockstep.js', import.meta.url));

/** `dev`: a local cluster of real processes, kept running until Ctrl-C. */
export async function dev(context: Context, options: DevOptions): Promise<number> {
  const { io } = context;
  const members = planMembers(
    wholeNumber(options.members, '--members'),
    wholeNumber(options.basePort, '--base-port'),
  );
  const dataDir = resolve(options.dataDir ?? (await mkdtemp(join(tmpdir(), 'lockstep-dev-'))));
  const cluster = new LocalCluster(context, dataDir, options.restart);
  const stopped = new Promise<void>((done) => {
    const release = io.onStop(() => {
      release();
      done();
    });
  });
  try {
    const kept = options.dataDir === undefined ? ' (removed at the end)' : '';
    await print(io, `Starting ${members.length} members; data in ${dataDir}${kept}\n`);
    const failed = cluster.start(members).then(
      () => cluster.lost,
      (error: unknown) => {
        throw portsTaken(error, members);
      },
    );
    await Promise.race([stopped, failed]);
    await print(io, 'Stopping all members.\n');
    return exitCodes.ok;
  } finally {
    await cluster.stop();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

/** A member names its own flags, which this verb does not have. */
function portsTaken(error: unknown, members: readonly PlannedMember[]): unknown {
  if (!(error instanceof Error) || !/in use|has the port/.test(error.message)) return error;
  const [first, last] = [members[0]?.address, members.at(-1)?.address];
  return new Error(
    `a port from that of ${first} to the one after that of ${last} is in use: stop what uses it (a member that ` +
      '"npm start" runs?), or choose others with --base-port',
    { cause: error },
  );
}

/** Names a, b, c ...; client ports are base, base + 2, ...; each peer port is the next one. */
export function planMembers(count: number, basePort: number): PlannedMember[] {
  if (!counts.includes(count)) {
    throw new UsageError(`--members is ${count}; it must be 1, 3 or 5`);
  }
  if (basePort < 1 || basePort + 2 * count - 1 > 65_535) {
    throw new UsageError(`--base-port is ${basePort}; it must be 1 to ${65_536 - 2 * count}`);
  }
  const all = Array.from({ length: count }, (_, at) => ({
    name: String.fromCharCode('a'.charCodeAt(0) + at),
    address: `127.0.0.1:${basePort + 2 * at}`,
    peer: `127.0.0.1:${basePort + 2 * at + 1}`,
  }));
  const cluster = all.map(({ name, peer }) => `${name}=${peer}`).join(',');
  return all.map(({ name, address, peer }) => ({
    name,
    address,
    flags: [
      ...['--name', name, '--listen', address, '--peer-listen', peer],
      ...['--initial-cluster', cluster],
    ],
  }));
}

class LocalCluster {
  readonly #context: Context;
  readonly #dataDir: string;
  readonly #restart: boolean;
  readonly #children = new Map<string, Child>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #stopping = false;
  #fail: (error: Error) => void = () => {};
  /** Rejects when a member cannot be kept running. */
  readonly lost: Promise<never>;

  constructor(context: Context, dataDir: string, restart: boolean) {
    this.#context = context;
    this.#dataDir = dataDir;
    this.#restart = restart;
    this.lost = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits hears of it; until then it is not unhandled.
    this.lost.catch(() => {});
  }

  /** Resolves when all members serve; rejects when one ends before. */
  async start(members: readonly PlannedMember[]): Promise<void> {
    await Promise.all(members.map((member) => this.#run(member, restartMsMin)));
    const { io } = this.#context;
    const endpoints = members.map(({ address }) => address).join(',');
    const [first] = this.#children.values();
    await print(
      io,
      `\nThe cluster is up. In another shell:
  export LOCKSTEP_ENDPOINTS=${endpoints}
  lockstep put hello etcd
  lockstep status --output table
  kill -9 ${first?.pid}${this.#restart ? `   (it is restarted after ${restartMsMin / 1000} s)` : '   (it stays down)'}

Ctrl-C stops all.\n`,
    );
  }

  async #run(member: PlannedMember, pauseMs: number): Promise<void> {
    const { io } = this.#context;
    const startedAt = performance.now();
    const child = startChild(command, this.#commandLine(member), {
      line: (line) => io.stderr.write(`[${member.name}] ${line}\n`),
    });
    this.#children.set(member.name, child);
    child.ended.then(
      ({ how, wasReady }) => {
        if (this.#stopping) return;
        const stable = performance.now() - startedAt >= stableMs;
        if (wasReady) this.#ended(member, how, stable ? restartMsMin : pauseMs);
      },
      (error: Error) => this.#fail(error),
    );
    await child.ready;
    await print(
      io,
      `  ${member.name}  ${member.address}  pid ${child.pid}   kill -9 ${child.pid}\n`,
    );
  }

  #ended(member: PlannedMember, how: string, pauseMs: number): void {
    const { io } = this.#context;
    if (!this.#restart) {
      const flags = member.flags.join(' ');
      warn(
        io,
        `member ${member.name} ended (${how}); to start it again:\n  lockstep serve ${flags}`,
      );
      return;
    }
    warn(io, `member ${member.name} ended (${how}); it is restarted in ${pauseMs / 1000} s`);
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#run(member, Math.min(2 * pauseMs, restartMsMax)).catch((error: Error) => {
        if (!this.#stopping) this.#fail(error);
      });
    }, pauseMs);
    this.#pauses.add(pause);
  }

  #commandLine({ name, flags }: PlannedMember): string[] {
    return ['serve', ...flags, '--data-dir', join(this.#dataDir, name)];
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
  }
}
