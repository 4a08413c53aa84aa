import type { LeaseId } from '@lockstep/client/protocol';
import type { Wire } from '../connection/wire.ts';
import { DeadlineError } from '../errors.ts';
import { type Lifetime, type Moment, momentOf } from './lifetime.ts';

/** What a session is told by whoever renews its lease. */
export interface KeepAliveEvents {
  /** A renewal that was sent at this moment was answered. */
  renewed(sent: Moment): void;
  /** The cluster says that there is no such lease. */
  gone(): void;
}

/** Renews one lease until it is stopped. */
export interface KeepAlive {
  start(events: KeepAliveEvents): void;
  stop(): void;
  /** Takes note of renewals that were answered while this thread could not be told. */
  look?(): void;
  /** Why the last renewal failed; undefined when it did not. */
  readonly lastFailure: unknown;
}

/** A renewal is due after this share of the TTL, an attempt may take half of that. */
const renewalsPerTtl = 3;
const attemptMsMax = 2_000;
const retryMsMin = 20;
const retryMsMax = 200;

/** Renews from this thread, on the client's connection. */
export class KeepAliveLoop implements KeepAlive {
  readonly #wire: Wire;
  readonly #leaseId: LeaseId;
  readonly #ttlMs: number;
  readonly #lifetime: Lifetime;
  readonly #stopping = new AbortController();
  #cancelNext: () => void = () => {};
  #events: KeepAliveEvents | undefined;
  lastFailure: unknown;

  constructor(
    wire: Wire,
    lease: { readonly leaseId: LeaseId; readonly ttlMs: number; readonly lifetime: Lifetime },
  ) {
    this.#wire = wire;
    this.#leaseId = lease.leaseId;
    this.#ttlMs = lease.ttlMs;
    this.#lifetime = lease.lifetime;
  }

  start(events: KeepAliveEvents): void {
    this.#events = events;
    this.#later();
  }

  stop(): void {
    this.#events = undefined;
    this.#cancelNext();
    this.#stopping.abort();
  }

  /** A third of the TTL after the last renewal that was answered had been sent. */
  #later(): void {
    const { clock } = this.#wire;
    const passed = clock.now() - this.#lifetime.sent.now;
    this.#after(Math.max(0, this.#ttlMs / renewalsPerTtl - passed));
  }

  #after(ms: number): void {
    if (this.#events === undefined) return;
    this.#cancelNext = this.#wire.clock.after(ms, () => {
      this.#attempt().catch(() => {});
    });
  }

  /** Never rejects: a failure is followed by the next attempt, which may reach another member. */
  async #attempt(): Promise<void> {
    const { clock, requests } = this.#wire;
    const sent = momentOf(clock);
    const timeoutMs = Math.min(attemptMsMax, this.#ttlMs / (2 * renewalsPerTtl));
    try {
      const params = { id: this.#leaseId };
      const { signal } = this.#stopping;
      const { ttl } = await requests.call('lease.keepAlive', params, { timeoutMs, signal });
      this.lastFailure = undefined;
      if (ttl <= 0) this.#events?.gone();
      else {
        this.#events?.renewed(sent);
        this.#later();
      }
    } catch (error) {
      if (this.#events === undefined) return;
      this.lastFailure = error;
      // The connection looks alive and does not answer: another member may.
      if (error instanceof DeadlineError) this.#wire.rotate('it did not renew a lease in time');
      this.#after(retryMsMin + clock.random() * (retryMsMax - retryMsMin));
    }
  }
}
