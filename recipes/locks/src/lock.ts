import {
  type CallOptions,
  type Compare,
  type Operations,
  op,
  type Session,
  TxnBuilder,
  type TxnReply,
  type TxnRequest,
} from '@lockstep/client';
import { LockLostError } from './errors.ts';
import { HeldPlaces, type Holding } from './held-places.ts';
import { abandon, leave, type Place } from './place.ts';

/** What a lock is made of: places that have their turn, and the conditions that they still do. */
export interface Ownership {
  readonly session: Session;
  readonly places: readonly Place[];
  readonly guards: readonly Compare[];
}

/**
 * A lock that is held, or several at once. What it protects inside the store is written with {@link txn}, which cannot
 * commit once the lock is not held any more, whatever any clock says. What it protects elsewhere (a database, a file,
 * an API) takes {@link token} along and refuses a token smaller than the largest it has seen: only that protects it
 * from a holder that was stopped for longer than its lease and does not know it yet.
 */
export class Lock implements AsyncDisposable {
  /** Its keys in the store; one for each lock that it is made of. */
  readonly keys: readonly string[];
  /**
   * The fencing token: larger than that of every earlier holder. A revision of the store. Those who share a lock
   * (readers, holders of permits) have no order to fence by; their {@link txn} is guarded all the same.
   */
  readonly token: number;
  readonly #ownership: Ownership;
  readonly #holding: Holding;
  /** Made when somebody asks for it: most locks are released before anybody listens for their loss. */
  #lost: AbortController | undefined;
  #lostReason: LockLostError | string | undefined;
  #releasing: Promise<boolean> | undefined;

  /** Made by `acquire`. */
  constructor(ownership: Ownership) {
    this.#ownership = ownership;
    const { session, places } = ownership;
    this.keys = places.map(({ key }) => key);
    this.token = places[0]?.token ?? 0;
    const { keys, token } = this;
    this.#holding = { keys, token, lost: (reason) => this.#lose(reason) };
    HeldPlaces.of(session).add(this.#holding);
  }

  /** The first of {@link keys}; of most locks the only one. */
  get key(): string {
    return this.keys[0] ?? '';
  }

  /**
   * Aborts when the lock may be somebody else's: before the session's lease can end, or when somebody removed its
   * key; with a LockLostError as the reason. After {@link release} too.
   */
  get lost(): AbortSignal {
    if (this.#lost === undefined) {
      this.#lost = new AbortController();
      if (this.#isLost) this.#lost.abort(this.#reason);
    }
    return this.#lost.signal;
  }

  /** How long the lock is surely held from now on, in milliseconds; 0 when it is lost. Asks the clocks, not a timer. */
  remainingMs(): number {
    return this.#isLost ? 0 : this.#ownership.session.remainingMs();
  }

  /** @throws LockLostError when the lock may be somebody else's. Asks the clocks, not a timer. */
  assertHeld(): void {
    // Looking is what lets the session notice, and the session tells this lock.
    this.#ownership.session.remainingMs();
    if (this.#isLost) throw this.#reason;
  }

  /** The conditions that the lock is held, for a transaction of one's own. */
  get isHeld(): readonly Compare[] {
    return this.#ownership.guards;
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
    const reply = await this.#ownership.session.client
      .txn()
      .if(...this.isHeld)
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
    const wasHeld = !this.#isLost;
    this.#lose('the lock was released');
    const { places, session } = this.#ownership;
    try {
      return (await leave(places)) && wasHeld;
    } catch (error) {
      if (session.lost.aborted) return false;
      abandon(places);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** What stands for this lock now: itself, unless it was turned into another. */
  get current(): Lock {
    return this;
  }

  /** Its places are another lock's from here on: it is lost, and its release lets nobody in. */
  protected surrender(why: string): void {
    this.#releasing ??= Promise.resolve(false);
    this.#lose(why);
  }

  get #isLost(): boolean {
    return this.#lostReason !== undefined;
  }

  /** An error costs a walk over the stack, so it is made from its sentence when somebody wants it. */
  get #reason(): LockLostError {
    const reason = this.#lostReason ?? '';
    if (typeof reason !== 'string') return reason;
    const made = new LockLostError(reason);
    this.#lostReason = made;
    return made;
  }

  #lose(reason: LockLostError | string): void {
    if (this.#isLost) return;
    this.#lostReason = reason;
    HeldPlaces.of(this.#ownership.session).remove(this.#holding);
    this.#lost?.abort(this.#reason);
  }
}
