import {
  type CallOptions,
  type Compare,
  compare,
  type Operations,
  op,
  TxnBuilder,
  type TxnReply,
  type TxnRequest,
} from '@lockstep/client';
import { LockLostError } from './errors.ts';
import type { Place } from './place.ts';

/**
 * A lock that is held. What it protects inside the store is written with {@link txn}, which cannot commit once the lock
 * is not held any more, whatever any clock says. What it protects elsewhere (a database, a file, an API) takes {@link token}
 * along and refuses a token smaller than the largest it has seen: only that protects it from a holder that was
 * stopped for longer than its lease and does not know it yet.
 */
export class Lock implements AsyncDisposable {
  readonly key: string;
  /** The fencing token: larger than that of every earlier holder. A revision of the store. */
  readonly token: number;
  readonly #place: Place;
  readonly #lost = new AbortController();
  readonly #stopWatching = new AbortController();
  #releasing: Promise<boolean> | undefined;

  /** Made by `mutex.acquire`. */
  constructor(place: Place) {
    this.#place = place;
    this.key = place.key;
    this.token = place.token;
    const { lost } = place.session;
    const lose = (): void => {
      this.#lose(
        new LockLostError(`the lock is lost: ${messageOf(lost.reason)}`, { cause: lost.reason }),
      );
    };
    if (lost.aborted) lose();
    else {
      lost.addEventListener('abort', lose, { once: true });
      this.#stopWatching.signal.addEventListener('abort', () =>
        lost.removeEventListener('abort', lose),
      );
      this.#watchOwnKey().catch(() => {});
    }
  }

  /**
   * Aborts when the lock may be somebody else's: before the session's lease can end, or when somebody removed its
   * key; with a LockLostError as the reason. After {@link release} too.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long the lock is surely held from now on, in milliseconds; 0 when it is lost. Asks the clocks, not a timer. */
  remainingMs(): number {
    return this.lost.aborted ? 0 : this.#place.session.remainingMs();
  }

  /** @throws LockLostError when the lock may be somebody else's. Asks the clocks, not a timer. */
  assertHeld(): void {
    // Looking is what lets the session notice, and the session tells this lock.
    this.#place.session.remainingMs();
    this.lost.throwIfAborted();
  }

  /** The condition that the lock is held, for a transaction of one's own. */
  get isHeld(): Compare {
    return compare.createRevision(this.key, '=', this.token);
  }

  /**
   * A transaction that commits only while the lock is held: `lock.txn().do(op.put(...)).commit()`.
   * `commit` throws a LockLostError when it is not; `succeeded` is about your own conditions alone.
   */
  txn(): TxnBuilder<readonly [], readonly []> {
    return new TxnBuilder((request, options) => this.#run(request, options), [], [], []);
  }

  async #run<const Success extends Operations, const Failure extends Operations>(
    request: TxnRequest<Success, Failure>,
    options: CallOptions,
  ): Promise<TxnReply<Success, Failure>> {
    const reply = await this.#place.session.client
      .txn()
      .if(this.isHeld)
      .do(op.txn(request))
      .commit(options);
    if (reply.succeeded) return { ...reply.results[0], header: reply.header };
    const error = new LockLostError('the lock is lost: its key is gone, so nothing was written');
    this.#lose(error);
    throw error;
  }

  /**
   * Lets the next one have it. Resolves with false when it was gone already, which is no error. Release only
   * when what it protected has ended.
   * @throws what a call can end in, when the cluster cannot be asked: it is removed in the background then.
   */
  release(): Promise<boolean> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  async #release(): Promise<boolean> {
    const wasHeld = !this.lost.aborted;
    this.#lose(new LockLostError('the lock was released'));
    try {
      return (await this.#place.leave()) && wasHeld;
    } catch (error) {
      if (this.#place.session.lost.aborted) return false;
      this.#place.abandon();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** Somebody may remove the key by hand, and then it is not held, however alive the session is. */
  async #watchOwnKey(): Promise<void> {
    const watch = this.#place.session.client.watch({
      key: this.key,
      startRevision: this.token + 1,
      noPut: true,
      keysOnly: true,
      signal: this.#stopWatching.signal,
    });
    for await (const _ of watch) {
      this.#lose(new LockLostError('the lock is lost: somebody removed its key'));
      return;
    }
  }

  #lose(reason: LockLostError): void {
    if (this.lost.aborted) return;
    this.#lost.abort(reason);
    this.#stopWatching.abort();
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
