import { invalid, type Session, type TxnBuilder } from '@lockstep/client';
import { type Lock, LockLostError } from '@lockstep/locks';
import { ExecutionError } from './errors.ts';

const durationMsMax = 24 * 60 * 60 * 1_000;

/** Locks that are held as one, in the shape of Redlock's. */
export class RedlockLock implements AsyncDisposable {
  /** What it was acquired for, each once. */
  readonly resources: readonly string[];
  /** The key of the first resource's lock: of this acquisition and no other. */
  readonly value: string;
  readonly #session: Session;
  readonly #lock: Lock;
  readonly #lost = new AbortController();
  readonly #ended: (lock: RedlockLock) => void;
  /** When it is given up, on both clocks; undefined under `using`. */
  #until: { readonly now: number; readonly wall: number } | undefined;
  #cancelEnd: () => void = () => {};
  #isReleased = false;
  #releasing: Promise<boolean> | undefined;

  /** Made by `redlock.acquire`. */
  constructor(made: {
    readonly resources: readonly string[];
    readonly session: Session;
    readonly lock: Lock;
    readonly durationMs: number | undefined;
    readonly ended: (lock: RedlockLock) => void;
  }) {
    this.resources = made.resources;
    this.#session = made.session;
    this.#lock = made.lock;
    this.#ended = made.ended;
    this.value = made.lock.key;
    const { lost } = made.lock;
    const lose = (): void => this.#lose(lost.reason);
    if (lost.aborted) lose();
    else lost.addEventListener('abort', lose, { once: true });
    if (made.durationMs !== undefined) this.#endAfter(made.durationMs);
  }

  /** The fencing token: larger than that of every earlier holder of any of the resources. */
  get token(): number {
    return this.#lock.token;
  }

  /** A transaction of the store that commits only while all of the locks are held. */
  txn(): TxnBuilder<readonly [], readonly []> {
    return this.#lock.txn();
  }

  /** Until when it is surely held, in milliseconds since 1970; past when it is not. Goes up while it is renewed. */
  get expiration(): number {
    const { clock } = this.#session.client;
    return clock.wall() + this.remainingMs();
  }

  /** Aborts when it may be somebody else's, is given up, or is released; with a LockLostError as its reason. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long it is surely held from now on, in milliseconds; 0 when it is lost. Asks the clocks, not a timer. */
  remainingMs(): number {
    const left = this.#lock.remainingMs();
    if (this.lost.aborted) return 0;
    const ofDuration = this.#leftOfDuration();
    if (ofDuration <= 0) this.#giveUpLate();
    return this.lost.aborted ? 0 : Math.min(left, ofDuration);
  }

  /** @throws LockLostError when it may be somebody else's. Asks the clocks, not a timer. */
  assertHeld(): void {
    this.remainingMs();
    this.lost.throwIfAborted();
  }

  /**
   * Keeps it for `duration` milliseconds from now on. How long it outlives this process is not changed.
   * @returns this lock. @throws ExecutionError when it is gone; InvalidError.
   */
  async extend(duration: number): Promise<this> {
    const durationMs = checkedDuration(duration);
    if (this.remainingMs() <= 0) {
      throw new ExecutionError('the lock cannot be extended: it is gone', this.lost.reason);
    }
    if (this.#until !== undefined) this.#endAfter(durationMs);
    return this;
  }

  /** Gives it back. @throws ExecutionError when it was gone already. */
  async release(): Promise<void> {
    const wasLost = !this.#isReleased && this.remainingMs() <= 0;
    this.#isReleased = !wasLost;
    const reason: unknown = wasLost ? this.lost.reason : undefined;
    const held = await this.giveUp();
    if (wasLost || !held) {
      throw new ExecutionError('the lock was gone before it was released', reason);
    }
  }

  /** Gives it back, and does not mind when it is gone. @returns whether it was held. */
  giveUp(): Promise<boolean> {
    this.#releasing ??= this.#giveUp();
    return this.#releasing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.giveUp();
  }

  async #giveUp(): Promise<boolean> {
    this.#lose(new LockLostError('the lock was released'));
    this.#cancelEnd();
    const held = await this.#lock.release().catch(() => false);
    await this.#session.close();
    this.#ended(this);
    return held;
  }

  #leftOfDuration(): number {
    if (this.#until === undefined) return Number.POSITIVE_INFINITY;
    const { clock } = this.#session.client;
    return Math.min(this.#until.now - clock.now(), this.#until.wall - clock.wall());
  }

  #endAfter(durationMs: number): void {
    const { clock } = this.#session.client;
    this.#until = { now: clock.now() + durationMs, wall: clock.wall() + durationMs };
    this.#cancelEnd();
    this.#cancelEnd = clock.after(durationMs, () => this.#giveUpLate());
  }

  /** What Redis does to a key with a TTL; here its own holder knows it first. */
  #giveUpLate(): void {
    this.#lose(
      new LockLostError('the lock was given up: its duration is over and nobody extended it'),
    );
    this.giveUp().catch(() => {});
  }

  /** Nothing is given back: what runs under it has not ended yet, and the lease may still be alive. */
  #lose(reason: unknown): void {
    if (!this.lost.aborted) this.#lost.abort(reason);
  }
}

/** @throws InvalidError when it is no time that a lock can be held. */
export function checkedDuration(duration: number): number {
  if (Number.isFinite(duration) && duration > 0 && duration <= durationMsMax) return duration;
  throw invalid(`duration is ${duration}; it must be milliseconds above 0, a day at most`);
}
