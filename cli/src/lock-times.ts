import { UsageError } from './failure.ts';
import { durationMs } from './selection.ts';

export interface LockTimeOptions {
  readonly ttl: string;
  readonly grace?: string;
}

export interface LockTimes {
  /** Of the lease, in seconds. */
  readonly ttl: number;
  /** How much earlier than its lease can end the lock counts as lost. */
  readonly marginMs: number;
  /** From the end that the command is asked for to the end that it is given. */
  readonly graceMs: number;
}

const ttlMin = 2;
const graceMsDefault = 5_000;

/**
 * How the TTL is divided. The lock counts as lost so early that a command can use up its grace and is dead
 * before the cluster can give the lock to anybody else; what clocks may differ comes on top.
 * @throws UsageError when that would leave less than half of the TTL for renewals: one that is late would cost the lock.
 */
export function lockTimes(options: LockTimeOptions, runsCommand: boolean): LockTimes {
  const ttlMs = durationMs(options.ttl, '--ttl');
  const ttl = ttlMs / 1_000;
  if (!Number.isInteger(ttl) || ttl < ttlMin) {
    throw new UsageError(
      `--ttl is "${options.ttl}"; it must be a whole number of seconds, ${ttlMin} or more`,
    );
  }
  if (!runsCommand) {
    if (options.grace === undefined) return { ttl, marginMs: driftMs(ttl), graceMs: 0 };
    throw new UsageError('--grace is about a command: give one after "--"');
  }
  const graceMs =
    options.grace === undefined
      ? Math.min(graceMsDefault, ttlMs / 4)
      : durationMs(options.grace, '--grace');
  if (!fits(ttl, graceMs)) {
    let enough = ttl + 1;
    while (!fits(enough, graceMs)) enough++;
    const most = ttlMs / 2 - driftMs(ttl);
    throw new UsageError(
      `--grace ${options.grace} does not fit into --ttl ${options.ttl}: the command must be dead before anybody else ` +
        `can have the lock, and half of the TTL is for renewals; give --ttl ${enough} or more, or --grace ${most}ms or less`,
    );
  }
  return { ttl, marginMs: driftMs(ttl) + graceMs, graceMs };
}

function fits(ttl: number, graceMs: number): boolean {
  return driftMs(ttl) + graceMs <= (ttl * 1_000) / 2;
}

/** For clocks that run at different speeds: what a session takes by itself. */
function driftMs(ttl: number): number {
  return Math.max(500, ttl * 100);
}

export interface Clocks {
  readonly now: () => number;
  readonly wall: () => number;
}

const systemClocks: Clocks = { now: () => performance.now(), wall: () => Date.now() };
const lookMs = 200;

/**
 * What is left of the grace. A loss that is noticed late, by a process that was stopped or a machine that slept,
 * has used it up, or some of it: the lease ends when it ends.
 */
export class GraceWindow {
  readonly #graceMs: number;
  readonly #remainingMs: () => number;
  readonly #clocks: Clocks;
  readonly #timer: NodeJS.Timeout;
  /** Up to when the lock was surely held, on both clocks. */
  #until = { now: 0, wall: 0 };

  /** @param remainingMs how long the lock is surely held from now on; 0 when it is lost. */
  constructor(graceMs: number, remainingMs: () => number, clocks = systemClocks) {
    this.#graceMs = graceMs;
    this.#remainingMs = remainingMs;
    this.#clocks = clocks;
    this.look();
    // A lock that is lost does not tell any more how long it was held.
    this.#timer = setInterval(() => this.look(), lookMs);
  }

  look(): void {
    const left = this.#remainingMs();
    if (left <= 0) return;
    const { now, wall } = this.#clocks;
    this.#until = { now: now() + left, wall: wall() + left };
  }

  leftMs(): number {
    const { now, wall } = this.#clocks;
    const late = Math.max(now() - this.#until.now, wall() - this.#until.wall, 0);
    return Math.max(this.#graceMs - late, 0);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
