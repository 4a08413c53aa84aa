import type { ErrorCode, LeaseId } from '@lockstep/client/protocol';
import type { Command } from '../core/command.ts';
import { LeaseClock } from '../core/lease/lease-clock.ts';
import type { LeaseTable } from '../core/lease/lease-table.ts';
import type { Outcome } from './proposals.ts';

type Propose = (command: Command, done: (outcome: Outcome) => void) => void;

/** Calls back with the seconds that the lease has from now on, 0 when there is no such lease. */
export type Renewed = (error: ErrorCode | undefined, ttl: number, at: Outcome | undefined) => void;

/** Leases in one entry that ends them: enough that a storm passes quickly, few enough that nobody waits behind it. */
const expiredPerEntry = 256;
const checkpointsPerEntry = 1_000;
const renewalsPerEntry = 5_000;
/** Renewals that may wait for the next tick or the log. */
const renewalsWaitingMax = 200_000;

/**
 * The time of leases. Every member counts ticks from its own apply of a grant or a renewal; the one
 * that leads proposes what its count says is over. So a new leader goes on counting where the old
 * one was, and nobody who is behind ends a lease early.
 *
 * The renewals of a tick travel as one entry, except that the first after a quiet tick leaves at once.
 */
export class LeaseKeeper {
  readonly #propose: Propose;
  readonly #ticksPerSecond: number;
  #clock: LeaseClock;
  /** Renewals for the next entry, by lease. */
  #next = new Map<LeaseId, Renewed[]>();
  #waiting = 0;
  #sentThisTick = false;
  #expiring = false;
  #checkpointing = false;

  constructor(propose: Propose, table: LeaseTable, ticksPerSecond: number) {
    this.#propose = propose;
    this.#ticksPerSecond = ticksPerSecond;
    this.#clock = new LeaseClock({ ticksPerSecond });
    table.observe(this.#clock);
  }

  /** The whole state was replaced: every lease counts from its last checkpoint, or anew. */
  replaceTable(table: LeaseTable): void {
    this.#clock = new LeaseClock({ ticksPerSecond: this.#ticksPerSecond });
    table.observe(this.#clock);
  }

  /** Whole seconds left by this member's count; undefined when there is no such lease. */
  remainingSeconds(id: LeaseId): number | undefined {
    return this.#clock.remainingSeconds(id);
  }

  renew(id: LeaseId, done: Renewed): void {
    if (this.#waiting >= renewalsWaitingMax) return done('too_many_requests', 0, undefined);
    this.#waiting++;
    const others = this.#next.get(id);
    if (others === undefined) this.#next.set(id, [done]);
    else others.push(done);
    if (!this.#sentThisTick) this.#sendRenewals();
  }

  tick(leads: boolean): void {
    this.#clock.tick();
    this.#sentThisTick = false;
    if (this.#next.size > 0) this.#sendRenewals();
    if (!leads) return;
    this.#expire();
    this.#checkpoint();
  }

  #sendRenewals(): void {
    this.#sentThisTick = true;
    const taken = [...this.#next].slice(0, renewalsPerEntry);
    for (const [id] of taken) this.#next.delete(id);
    this.#propose({ type: 'leaseRenew', ids: taken.map(([id]) => id) }, (outcome) => {
      taken.forEach(([, waiting], at) => {
        this.#waiting -= waiting.length;
        for (const done of waiting) settle(outcome, at, done);
      });
    });
  }

  /** One entry is under way at a time, so that writes find their place between them. */
  #expire(): void {
    if (this.#expiring || !this.#clock.hasDue) return;
    this.#expiring = true;
    const marks = this.#clock.due(expiredPerEntry);
    this.#propose({ type: 'leaseExpire', marks }, (outcome) => {
      this.#expiring = false;
      // What failed is due again at the next tick, if this member still leads.
      if (outcome.ok) this.#expire();
    });
  }

  #checkpoint(): void {
    if (this.#checkpointing) return;
    const checkpoints = this.#clock.checkpoints(checkpointsPerEntry);
    if (checkpoints.length === 0) return;
    this.#checkpointing = true;
    this.#propose({ type: 'leaseCheckpoint', checkpoints }, () => {
      this.#checkpointing = false;
    });
  }
}

function settle(outcome: Outcome, at: number, done: Renewed): void {
  if (!outcome.ok) return done(outcome.code, 0, outcome);
  const { reply } = outcome;
  if (reply.type !== 'leaseRenew') return done('internal', 0, outcome);
  done(undefined, reply.ttls[at] ?? 0, outcome);
}
