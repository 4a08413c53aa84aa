import {
  type Bytes,
  type Client,
  ClosedError,
  compare,
  DeniedError,
  KeyExistsError,
  type KeyValue,
  LeaseLostError,
  LeaseNotFoundError,
  op,
  pause,
  Session,
  TooLargeError,
  WatchCompactedError,
} from '@lockstep/client';
import { ReplacedError } from './errors.ts';
import { type WaitOptions, waiting } from './wait.ts';

/** What a membership is made of. */
export interface MembershipParts<Value> {
  readonly client: Client;
  readonly id: string;
  readonly key: string;
  /** @throws DecodeError. */
  encode(value: Value): Bytes;
  /** Undefined for sessions of its own. */
  readonly session: Session | undefined;
  /** Of sessions of its own, in seconds. */
  readonly ttl: number;
  readonly healMs: number;
  readonly mayReplace: boolean;
}

/** Who waits for a value to be written. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The entry as this membership last wrote it. */
interface Written {
  readonly session: Session;
  readonly revision: number;
}

const updateMsDefault = 5_000;
const healMsMax = 5_000;
const removeAgainMs = 1_000;
/** Entries of an earlier session of its own may stand for a while. */
const leasesRemembered = 16;
const noLease = '0';

/**
 * A place in a group that is kept: one loop writes the entry, watches it, and writes it again when it is gone. It ends by
 * {@link leave}, when somebody else comes under the same id, or with the session or client that it lives on.
 */
export class Membership<Value> implements AsyncDisposable {
  readonly id: string;
  readonly key: string;
  readonly #parts: MembershipParts<Value>;
  readonly #ended = new AbortController();
  /** Of the sessions that it lived on. */
  readonly #leases = new Set<string>();
  readonly #waiters = new Set<Waiter>();
  #value: Bytes;
  /** What is to be written instead. */
  #wanted: Bytes | undefined;
  #session: Session | undefined;
  #isIn = false;
  #stands = false;
  #wake: () => void = () => {};
  #keeping: Promise<void> = Promise.resolve();

  private constructor(parts: MembershipParts<Value>, value: Bytes) {
    this.#parts = parts;
    this.id = parts.id;
    this.key = parts.key;
    this.#value = value;
    this.#session = parts.session;
    if (parts.session !== undefined) this.#leases.add(parts.session.leaseId);
  }

  /** Resolves when the entry stands. Used by `group.join`. */
  static async begin<Value>(
    parts: MembershipParts<Value>,
    value: Value,
    signal: AbortSignal,
  ): Promise<Membership<Value>> {
    const membership = new Membership(parts, parts.encode(value));
    const giveUp = (): void => membership.#end(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const written = await membership.#write(undefined);
      signal.throwIfAborted();
      membership.#keeping = membership.#keep(written);
      return membership;
    } catch (error) {
      membership.#end(error);
      await membership.#removed();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /**
   * Aborts when the membership has ended: with a ReplacedError when somebody else came under the same id, a LeaseLostError or
   * ClosedError with the session or client it lives on, a ClosedError after {@link leave}. Not when the entry is
   * gone for a while and comes back.
   */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** True while the entry stands, as far as is known here. */
  get stands(): boolean {
    return this.#stands && !this.ended.aborted && (this.#session?.remainingMs() ?? 0) > 0;
  }

  /**
   * Writes another value. Resolves when it stands in the group. If the waiting is given up it may come into the group all the
   * same, later, unless another update comes first.
   * @throws DecodeError; TooLargeError; what ended the membership; DeadlineError when `timeoutMs` (default 5,000) is over; the
   * signal's reason.
   */
  async update(value: Value, options: WaitOptions = {}): Promise<void> {
    this.ended.throwIfAborted();
    const wanted = this.#parts.encode(value);
    const { clock } = this.#parts.client;
    const late = `the entry ${JSON.stringify(this.key)} could not be written`;
    const bounded = { timeoutMs: updateMsDefault, ...options };
    await waiting(clock, bounded, late, (signal) => this.#updated(wanted, signal), this.ended);
  }

  /**
   * Leaves the group: the entry is removed, and does not come back. Never rejects: when the cluster cannot be reached the entry
   * is removed in the background, or ends with its lease.
   */
  async leave(): Promise<void> {
    this.#end(new ClosedError('the membership has ended: it was left'));
    await this.#keeping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  #end(reason: unknown): void {
    if (!this.ended.aborted) this.#ended.abort(reason);
  }

  #updated(wanted: Bytes, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      const abort = (): void => waiter.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiters.add(waiter);
      this.#wanted = wanted;
      this.#wake();
    });
  }

  /** Writes the entry whenever it is not as it should be, and removes it at the end. Never rejects. */
  async #keep(first: Written): Promise<void> {
    let written: Written | undefined = first;
    let failures = 0;
    while (!this.ended.aborted) {
      try {
        if (written !== undefined && (await this.#disturbed(written)) === 'gone') {
          written = undefined;
          this.#stands = false;
          await this.#pause(0);
          continue;
        }
        written = await this.#write(written?.revision);
        failures = 0;
      } catch (error) {
        written = undefined;
        this.#stands = false;
        if (this.#isTheEnd(error)) this.#end(error);
        else await this.#pause(failures++);
      }
    }
    await this.#removed();
  }

  #isTheEnd(error: unknown): boolean {
    if (error instanceof LeaseLostError) return this.#parts.session !== undefined;
    return (
      error instanceof ReplacedError || error instanceof ClosedError || error instanceof DeniedError
    );
  }

  /** Resolves when the entry is gone, or when it is to be looked at again. @throws ReplacedError. */
  async #disturbed({ session, revision }: Written): Promise<'gone' | 'outdated'> {
    if (this.#wanted !== undefined) return 'outdated';
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    const watch = this.#parts.client.watch({
      key: this.key,
      startRevision: revision + 1,
      keysOnly: true,
      progressNotify: true,
      signal: AbortSignal.any([wake.signal, session.lost, this.ended]),
    });
    try {
      for await (const { type, kv } of watch) {
        // What hangs on no lease was written by hand, and would stay when this member is gone.
        if (type === 'delete' || kv.lease === noLease) return 'gone';
        throw this.#replaced();
      }
    } catch (error) {
      if (wake.signal.aborted || error instanceof WatchCompactedError) return 'outdated';
      // A session of its own that is lost is followed by another one.
      if (error instanceof LeaseLostError && session.lost.aborted) return 'gone';
      throw error;
    } finally {
      this.#wake = () => {};
    }
    throw new ClosedError('the watch was closed');
  }

  /** Waits for a part of the time chosen at random, so that not all who lost their entry at once come back at once. */
  #pause(failures: number): Promise<void> {
    const { client, healMs } = this.#parts;
    const ceiling = Math.min(healMs * 2 ** Math.min(16, failures), Math.max(healMs, healMsMax));
    return pause(client.clock, client.clock.random() * ceiling, this.ended);
  }

  /** Puts the newest value into the entry. `revision` is that of the entry as it was last written, if it should stand. */
  async #write(revision: number | undefined): Promise<Written> {
    const session = await this.#opened();
    const waiters = [...this.#waiters];
    const value = this.#wanted ?? this.#value;
    try {
      const written = { session, revision: await this.#put(session, value, revision) };
      if (this.#wanted === value) this.#wanted = undefined;
      this.#value = value;
      this.#isIn = true;
      this.#stands = true;
      for (const { resolve } of waiters) resolve();
      return written;
    } catch (error) {
      if (error instanceof TooLargeError && this.#wanted === value) {
        this.#wanted = undefined;
        for (const { reject } of waiters) reject(error);
      }
      if (error instanceof LeaseNotFoundError && this.#parts.session === undefined) {
        // The cluster has ended the lease, and the session does not know it yet.
        this.#session = undefined;
        await session.close();
      }
      throw error;
    }
  }

  /** The session to live on: the one that was given, or one of its own that is alive. */
  async #opened(): Promise<Session> {
    const { session, client, ttl } = this.#parts;
    session?.assertValid();
    const current = session ?? this.#session;
    if (current !== undefined && current.remainingMs() > 0) return current;
    const opened = await Session.open(client, { ttl, signal: this.ended });
    this.#session = opened;
    this.#leases.add(opened.leaseId);
    const [oldest] = this.#leases;
    if (oldest !== undefined && this.#leases.size > leasesRemembered) this.#leases.delete(oldest);
    return opened;
  }

  async #put(session: Session, value: Bytes, revision: number | undefined): Promise<number> {
    const { client } = this.#parts;
    let expected = revision ?? this.#mayFollow(await client.get(this.key));
    for (;;) {
      const reply = await client
        .txn()
        .if(compare.modRevision(this.key, '=', expected))
        .do(op.put(this.key, value, { lease: session.leaseId }))
        .else(op.get(this.key, { keysOnly: true }))
        .commit();
      if (reply.succeeded) return reply.results[0].revision;
      expected = this.#mayFollow(reply.results[0].kv);
    }
  }

  /** @returns the revision of an entry that may be overwritten, 0 for none. @throws KeyExistsError, ReplacedError. */
  #mayFollow(kv: KeyValue | undefined): number {
    if (kv === undefined) return 0;
    const { modRevision, lease } = kv;
    if (this.#isIn) {
      if (lease !== noLease && !this.#leases.has(lease)) throw this.#replaced();
      return modRevision;
    }
    if (this.#parts.mayReplace) return modRevision;
    throw new KeyExistsError(
      `${JSON.stringify(this.id)} is in the group already: ${JSON.stringify(this.key)} stands since revision ${kv.createRevision}`,
      modRevision,
    );
  }

  #replaced(): ReplacedError {
    return new ReplacedError(
      `somebody else has joined as ${JSON.stringify(this.id)}, under ${JSON.stringify(this.key)}`,
    );
  }

  /** Removes the entry, if it is this membership's, and ends a session of its own. Never rejects. */
  async #removed(): Promise<void> {
    this.#stands = false;
    const { session: given, client } = this.#parts;
    const session = this.#session;
    if (given === undefined && session !== undefined && session.remainingMs() > 0) {
      await session.close();
      return;
    }
    const { reason } = this.ended;
    if (reason instanceof ReplacedError || reason instanceof KeyExistsError) return;
    const removed = await this.#deleted().catch(() => false);
    if (removed || given === undefined) return;
    const again = async (): Promise<void> => {
      let isGone = false;
      while (!isGone && !given.lost.aborted) {
        await pause(client.clock, removeAgainMs, given.lost);
        isGone = await this.#deleted().catch(() => false);
      }
    };
    again().catch(() => {});
  }

  /** @returns true when the entry is not there any more, or not this membership's. */
  async #deleted(): Promise<boolean> {
    const { client } = this.#parts;
    const kv = await client.get(this.key, { timeoutMs: updateMsDefault });
    if (kv === undefined || !this.#leases.has(kv.lease)) return true;
    const reply = await client
      .txn()
      .if(compare.modRevision(this.key, '=', kv.modRevision))
      .do(op.delete(this.key))
      .commit();
    return reply.succeeded;
  }
}
