import type { LeaseId, LeaseMark, LeaseObserver, LeaseRecord } from './types.ts';

export interface LeaseClockOptions {
  readonly ticksPerSecond: number;
}

/** What is left of a lease, for the table to remember. */
export interface LeaseCheckpoint {
  readonly mark: LeaseMark;
  /** Whole seconds, rounded up, at least 1. */
  readonly remaining: number;
}

interface CountedLease {
  readonly id: LeaseId;
  renewals: number;
  /** The tick at which its time is up. */
  deadline: number;
  /** The tick from which the time until its next checkpoint counts. */
  since: number;
  /** The tick at which it is looked at next: never after its deadline. 0 while it is due. */
  wake: number;
}

const checkpointSeconds = 300;
/** Waking so many leases takes a few milliseconds; if more are up in one tick, the rest waits for the next. */
const wakesPerTick = 8_000;
const isDue = 0;

/**
 * Counts the ticks of every lease on one member; local, never replicated. A lease lives for its
 * seconds and up to a tick more, because the tick in which counting begins is no whole one.
 *
 * A renewal only moves the deadline. The lease stays where it waits, is looked at when that tick
 * comes, and is put off until its new deadline. No lease waits for longer than a checkpoint's
 * interval, so there are few ticks to wait at, however long leases live.
 */
export class LeaseClock implements LeaseObserver {
  readonly #ticksPerSecond: number;
  readonly #checkpointTicks: number;
  readonly #leases = new Map<LeaseId, CountedLease>();
  readonly #waiting = new Map<number, Set<CountedLease>>();
  /** In the order of their deadlines. */
  readonly #due = new Set<CountedLease>();
  /** Counted for longer than a checkpoint's interval, longest first. */
  readonly #uncheckpointed = new Set<CountedLease>();
  #now = 0;
  /** No lease waits at a tick before this one. */
  #waking = 1;

  constructor({ ticksPerSecond }: LeaseClockOptions) {
    this.#ticksPerSecond = ticksPerSecond;
    this.#checkpointTicks = Math.ceil(checkpointSeconds * ticksPerSecond);
  }

  counts({ id, renewals }: LeaseRecord, seconds: number): void {
    const since = this.#now;
    const deadline = since + Math.ceil(seconds * this.#ticksPerSecond) + 1;
    const known = this.#leases.get(id);
    if (known === undefined) {
      const lease = { id, renewals, deadline, since, wake: isDue };
      this.#leases.set(id, lease);
      this.#wait(lease);
      return;
    }
    known.renewals = renewals;
    known.deadline = deadline;
    known.since = since;
    this.#uncheckpointed.delete(known);
    if (known.wake !== isDue && known.wake <= deadline) return;
    this.#leave(known);
    this.#wait(known);
  }

  gone(id: LeaseId): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    this.#uncheckpointed.delete(lease);
    this.#leave(lease);
  }

  tick(): void {
    this.#now++;
    let left = wakesPerTick;
    for (; this.#waking <= this.#now; this.#waking++) {
      const leases = this.#waiting.get(this.#waking);
      if (leases === undefined) continue;
      for (const lease of leases) {
        if (left-- === 0) return;
        leases.delete(lease);
        this.#wakeUp(lease);
      }
      this.#waiting.delete(this.#waking);
    }
  }

  get hasDue(): boolean {
    return this.#due.size > 0;
  }

  /** Leases whose time is up, at most `max`, oldest deadline first. They stay due until they are gone or renewed. */
  due(max: number): LeaseMark[] {
    const marks: LeaseMark[] = [];
    for (const lease of this.#due) {
      if (marks.length >= max) break;
      marks.push(markOf(lease));
    }
    return marks;
  }

  /** Whole seconds that it lives for certain; 0 when it is due, undefined when it is not counted. */
  remainingSeconds(id: LeaseId): number | undefined {
    const lease = this.#leases.get(id);
    return lease && Math.floor(this.#secondsLeft(lease));
  }

  /**
   * At most `max` leases that are not due and were counted for more than five minutes since they
   * were granted, renewed or last handed out here, longest first.
   */
  checkpoints(max: number): LeaseCheckpoint[] {
    const checkpoints: LeaseCheckpoint[] = [];
    for (const lease of this.#uncheckpointed) {
      if (checkpoints.length >= max) break;
      this.#uncheckpointed.delete(lease);
      lease.since = this.#now;
      const remaining = Math.max(1, Math.ceil(this.#secondsLeft(lease)));
      checkpoints.push({ mark: markOf(lease), remaining });
    }
    return checkpoints;
  }

  #secondsLeft({ deadline }: CountedLease): number {
    return Math.max(0, deadline - 1 - this.#now) / this.#ticksPerSecond;
  }

  #wakeUp(lease: CountedLease): void {
    // Its deadline is compared with the tick that is looked at, which lags behind the newest one
    // when very many leases are up: so they become due in the order of their deadlines all the same.
    if (lease.deadline <= this.#waking) {
      lease.wake = isDue;
      this.#due.add(lease);
      this.#uncheckpointed.delete(lease);
      return;
    }
    if (this.#now - lease.since > this.#checkpointTicks) this.#uncheckpointed.add(lease);
    this.#wait(lease);
  }

  #wait(lease: CountedLease): void {
    const counted = this.#now - lease.since;
    // Whoever is not asked for checkpoints, as on a follower, looks again after another interval.
    const start = counted > this.#checkpointTicks ? this.#now : lease.since;
    lease.wake = Math.min(lease.deadline, start + this.#checkpointTicks + 1);
    const others = this.#waiting.get(lease.wake);
    if (others === undefined) this.#waiting.set(lease.wake, new Set([lease]));
    else others.add(lease);
  }

  #leave(lease: CountedLease): void {
    if (lease.wake === isDue) {
      this.#due.delete(lease);
      return;
    }
    const others = this.#waiting.get(lease.wake);
    others?.delete(lease);
    if (others?.size === 0) this.#waiting.delete(lease.wake);
  }
}

function markOf({ id, renewals }: CountedLease): LeaseMark {
  return { id, renewals };
}
