import type { LeaseId } from '@lockstep/client/protocol';
import { platform } from '#platform';
import type { Client } from '../client.ts';
import type { Clock } from '../clock.ts';
import { sessionChannel } from '../connection/trace.ts';
import { type Wire, wireOf } from '../connection/wire.ts';
import { ClosedError, invalid, LeaseLostError } from '../errors.ts';
import { type KeepAlive, KeepAliveLoop } from './keep-alive.ts';
import { RemoteKeepAlive } from './keep-alive-remote.ts';
import { Lifetime, momentOf } from './lifetime.ts';

export interface SessionOptions {
  /** Time to live of the lease in seconds; less than the cluster's floor means the floor. Default 10. */
  readonly ttl?: number;
  /** How much earlier than the lease can end the session counts as lost. Default a tenth of the TTL, at least 500. */
  readonly marginMs?: number;
  /**
   * For what cannot be fenced: how much longer than the TTL the lease lives, so that whoever waits for its keys
   * gets them this much later after a loss. Not after a release or {@link Session.close}. Default 0, in milliseconds.
   */
  readonly handoverDelayMs?: number;
  /**
   * Who renews: `loop` (the default) is this thread's event loop; `worker` is a thread of its own with a
   * connection of its own, for programs that block their event loop for longer than the TTL. Node only.
   */
  readonly keepAlive?: 'loop' | 'worker';
  /** Gives up the waiting for the lease. */
  readonly signal?: AbortSignal;
  /** How long the grant may take. Default: the client's `callTimeoutMs`. */
  readonly timeoutMs?: number;
}

const ttlDefault = 10;
const marginShare = 0.1;
const marginMsMin = 500;
const checkMsMax = 1_000;

/**
 * A lease that is kept alive, and the knowledge whether it surely still is. Keys that are put with
 * {@link leaseId} are deleted when it ends.
 *
 * `lost` aborts before the cluster can give what the lease protects to anybody else: at the moment up to
 * which the last answered renewal, counted from when it was sent, surely holds, less a margin. A timer cannot
 * run while the event loop is blocked, so ask {@link assertValid} before whatever must not be done twice.
 *
 * Not promised: that somebody else is kept from writing after `lost`, or that code which ignores
 * it stops. A write that must not happen without the lease carries a condition on a key of the lease.
 */
export class Session implements AsyncDisposable {
  readonly client: Client;
  readonly leaseId: LeaseId;
  /** As granted, without the hand-over delay; in milliseconds. */
  readonly ttlMs: number;
  readonly marginMs: number;
  readonly #clock: Clock;
  readonly #lifetime: Lifetime;
  readonly #keepAlive: KeepAlive;
  readonly #lost = new AbortController();
  readonly #revoke: () => Promise<unknown>;
  readonly #ended: () => void;
  #cancelCheck: () => void = () => {};
  #closing: Promise<void> | undefined;

  private constructor(made: {
    readonly client: Client;
    readonly leaseId: LeaseId;
    readonly ttlMs: number;
    readonly marginMs: number;
    readonly clock: Clock;
    readonly lifetime: Lifetime;
    readonly keepAlive: KeepAlive;
    readonly revoke: () => Promise<unknown>;
    readonly ended: () => void;
  }) {
    this.client = made.client;
    this.leaseId = made.leaseId;
    this.ttlMs = made.ttlMs;
    this.marginMs = made.marginMs;
    this.#clock = made.clock;
    this.#lifetime = made.lifetime;
    this.#keepAlive = made.keepAlive;
    this.#revoke = made.revoke;
    this.#ended = made.ended;
    this.#keepAlive.start({
      renewed: (sent) => {
        this.#lifetime.renewed(sent);
        // An answer that came too late renews nothing that was not lost before.
        this.#check();
      },
      gone: () => this.#lose('the cluster has ended its lease'),
    });
    this.#check();
  }

  /**
   * Grants a lease and begins to keep it alive. The session ends with its client, at the latest.
   * @throws InvalidError, what a grant can end in, and LeaseLostError when the grant took as long as the lease.
   */
  static async open(client: Client, options: SessionOptions = {}): Promise<Session> {
    const wire = wireOf(client);
    const opening = Session.#open(client, options, () => leave());
    // From the beginning, so that a client that is closed meanwhile gives back what it is granted.
    const leave = wire.addTenant(() =>
      opening.then(
        (session) => session.close(),
        () => {},
      ),
    );
    try {
      return await opening;
    } catch (error) {
      leave();
      throw error;
    }
  }

  static async #open(client: Client, options: SessionOptions, ended: () => void): Promise<Session> {
    const wire = wireOf(client);
    const {
      ttl = ttlDefault,
      signal,
      timeoutMs,
      handoverDelayMs = 0,
      keepAlive = 'loop',
    } = options;
    if (!Number.isSafeInteger(ttl) || ttl < 1) {
      throw invalid(`ttl is ${ttl}; it must be a whole number of seconds, 1 or more`);
    }
    if (!(handoverDelayMs >= 0 && handoverDelayMs < Number.POSITIVE_INFINITY)) {
      throw invalid(`handoverDelayMs is ${handoverDelayMs}; it must be 0 or more`);
    }
    if (keepAlive !== 'loop' && keepAlive !== 'worker') {
      throw invalid(`keepAlive is ${JSON.stringify(keepAlive)}; it must be 'loop' or 'worker'`);
    }
    const { clock, requests } = wire;
    const call = {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
    const sent = momentOf(clock);
    const delay = Math.ceil(handoverDelayMs / 1_000);
    const asked = { ttl: ttl + delay };
    const { id: leaseId, ttl: granted } = await requests.call('lease.grant', asked, call);
    // Everything here goes by the TTL without the delay, which only those who wait for the lease's end see.
    const ttlMs = (granted - delay) * 1_000;
    const { marginMs = Math.max(marginMsMin, ttlMs * marginShare) } = options;
    const revoke = (): Promise<unknown> => requests.call('lease.revoke', { id: leaseId });
    try {
      if (!(marginMs >= 0 && marginMs < ttlMs)) {
        throw invalid(
          `marginMs is ${marginMs}; it must be 0 or more and less than the ${ttlMs} ms of the lease`,
        );
      }
      const lifetime = new Lifetime(clock, ttlMs - marginMs, sent);
      const renewing =
        keepAlive === 'loop'
          ? new KeepAliveLoop(wire, { leaseId, ttlMs, lifetime })
          : await keepAliveWorker(wire, { leaseId, ttlMs });
      const parts = { client, leaseId, ttlMs, marginMs, clock, lifetime, keepAlive: renewing };
      const session = new Session({ ...parts, revoke, ended });
      session.assertValid();
      if (sessionChannel.hasSubscribers) sessionChannel.publish({ change: 'granted', leaseId });
      return session;
    } catch (error) {
      // Nobody will know of it, so it must not stay.
      await revoke().catch(() => {});
      throw error;
    }
  }

  /**
   * Aborts when the session can no longer be sure of its lease, with a LeaseLostError as its reason, or
   * with a ClosedError when it is closed.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long the lease surely lives from now on, in milliseconds; 0 when the session is lost. Asks the clocks, not a timer. */
  remainingMs(): number {
    this.#expire();
    return this.lost.aborted ? 0 : this.#lifetime.remainingMs();
  }

  /** @throws LeaseLostError when the lease may be gone; ClosedError after {@link close}. Asks the clocks, not a timer. */
  assertValid(): void {
    this.#expire();
    this.lost.throwIfAborted();
  }

  /**
   * Ends the session: `lost` aborts, then the lease is revoked and its keys are deleted. Resolves when that
   * is known, or when it cannot be reached for the length of a call: then the lease ends by itself. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const held = !this.lost.aborted;
    this.#end(new ClosedError('the session is closed'), 'closed');
    if (held) await this.#revoke().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #expire(): void {
    this.#keepAlive.look?.();
    if (this.lost.aborted || this.#lifetime.remainingMs() > 0) return;
    const seconds = (this.ttlMs / 1_000).toString();
    this.#lose(`no renewal of its lease of ${seconds} s was answered in time`);
  }

  /** Looks again when the lease can be over; a renewal puts that off. */
  #check(): void {
    this.#cancelCheck();
    this.#expire();
    if (this.lost.aborted) return;
    // Soon enough after the machine slept, too: its timers stood still, and the wall clock did not.
    const ms = Math.min(checkMsMax, Math.ceil(Math.max(1, this.#lifetime.remainingMs())));
    this.#cancelCheck = this.#clock.after(ms, () => this.#check());
  }

  #lose(why: string): void {
    const cause = this.#keepAlive.lastFailure;
    this.#end(new LeaseLostError(`the session is lost: ${why}`, cause), 'lost');
  }

  #end(reason: LeaseLostError | ClosedError, change: 'lost' | 'closed'): void {
    if (this.lost.aborted) return;
    this.#cancelCheck();
    this.#keepAlive.stop();
    this.#ended();
    if (sessionChannel.hasSubscribers) {
      sessionChannel.publish({ change, leaseId: this.leaseId, reason });
    }
    this.#lost.abort(reason);
  }
}

/** A thread that renews a lease over a connection of its own. @throws InvalidError where there are no threads. */
async function keepAliveWorker(
  { endpoints, tls, auth, clock }: Wire,
  lease: { readonly leaseId: LeaseId; readonly ttlMs: number },
): Promise<KeepAlive> {
  if (platform.keepAliveWorker === undefined) {
    throw invalid("keepAlive: 'worker' needs Node's worker threads; leave it out here");
  }
  const order = { ...lease, endpoints, tls, auth };
  return new RemoteKeepAlive(await platform.keepAliveWorker(order), clock);
}
