import { type CallOptions, invalid, type Session } from '@lockstep/client';
import { type Claim, claimsOf } from './claim.ts';
import { LockLostError } from './errors.ts';
import { removeGhosts } from './ghosts.ts';
import type { Lock, Ownership } from './lock.ts';
import { Patience, untilGivenUp } from './patience.ts';
import { abandon, leave, Place } from './place.ts';
import { refuseReentry, runUnder } from './re-entry.ts';

export interface AcquireOptions {
  /** Gives the waiting up, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait at most; without it, as long as the session lives. */
  readonly timeoutMs?: number;
  /**
   * Its place in the queue, 1 is next: told when waiting begins, and again when the one right before went. Not told of
   * each one that goes further ahead: then each of a thousand would have to hear of all others.
   */
  readonly onQueued?: (position: number) => void;
}

export interface TryOptions {
  readonly signal?: AbortSignal;
}

/** Who one is, for those who look. */
export interface HolderOptions {
  /** A host, a pod. */
  readonly identity?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whoever stands in the queue with this `identity` in another session is removed first: after a crash one need not
   * wait for one's own ghost until its lease ends. Of two that live with the same identity each removes
   * the other, so it must be one process's alone. Default false.
   */
  readonly replaceOwn?: boolean;
}

/** Something that can be held, and waited for: first come, first served, over any number of processes. */
export abstract class Lockable<
  Held extends Lock = Lock,
  Options extends TryOptions = Record<never, never>,
> {
  /** As in messages. */
  abstract readonly name: string;
  protected readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** The session that it would be held in. */
  static sessionOf(lock: Lockable): Session {
    return lock.session;
  }

  /** @throws InvalidError when the options are wrong. */
  abstract [claimsOf](options?: Options): readonly Claim[];
  protected abstract hold(ownership: Ownership): Held;

  /**
   * Waits for its turn and takes it. One round trip if nobody has it.
   * @throws DeadlineError when `timeoutMs` is over; the signal's reason; LeaseLostError or LockLostError when the session
   * ends or somebody removes the place; ReentryError; what a call can end in. The place in the queue is given up then.
   */
  async acquire(options: AcquireOptions & Options = {} as AcquireOptions & Options): Promise<Held> {
    const claims = this.#claims(options);
    const { timeoutMs, onQueued } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      throw invalid(
        `timeoutMs is ${timeoutMs}; it must be above 0: tryAcquire does not wait at all`,
      );
    }
    const { session } = this;
    const patience = new Patience(session, {
      signal: options.signal,
      timeoutMs,
      what: `the lock ${JSON.stringify(this.name)}`,
    });
    try {
      const { signal } = patience;
      const call = { signal, timeoutMs: untilGivenUp };
      signal.throwIfAborted();
      await this.#removeGhosts(claims, call);
      // Where a turn takes more than to be the first, looking before standing in line saves two steps.
      const looksFirst = claims.some(({ admit }) => admit !== undefined);
      const found = looksFirst ? await this.#takeIfFree(claims, call) : 'taken';
      const isFree = found !== 'taken' && found !== 'changed';
      const places = isFree ? found : await Place.take(session, claims, call);
      try {
        if (!isFree) await turns(claims, places, { signal, onQueued });
        signal.throwIfAborted();
      } catch (error) {
        patience.end(error);
        abandon(places);
        throw error;
      }
      return this.#valid(claims, places);
    } finally {
      patience.stop();
    }
  }

  /** Takes it if it is free and nobody waits for it; undefined if not. Does not wait. */
  async tryAcquire(options: Options = {} as Options): Promise<Held | undefined> {
    const claims = this.#claims(options);
    const { session } = this;
    session.assertValid();
    const { signal: given } = options;
    const patience = new Patience(session, {
      signal: given,
      timeoutMs: undefined,
      what: this.name,
    });
    try {
      const { signal } = patience;
      await this.#removeGhosts(claims, { signal });
      for (;;) {
        const taken = await this.#takeIfFree(claims, { signal });
        if (taken === 'taken') return undefined;
        // Somebody came in between, which does not mean that there is no room any more.
        if (taken !== 'changed') return this.#valid(claims, taken);
      }
    } finally {
      patience.stop();
    }
  }

  /**
   * Runs a function under the lock, and releases it when the function has ended and not before. If the lock is lost
   * meanwhile, `lock.lost` aborts, and the result is a LockLostError, whatever the function makes of it.
   * @throws what {@link acquire} throws; what the function throws; LockLostError, with what the function threw as its `cause` or
   * gave back as its `result`.
   */
  async run<Result>(
    task: (lock: Held) => Promise<Result> | Result,
    options: AcquireOptions & Options = {} as AcquireOptions & Options,
  ): Promise<Result> {
    if (typeof task !== 'function') {
      throw invalid(`run takes a function, and was given ${typeof task}`);
    }
    const lock = await this.acquire(options);
    const claims = this[claimsOf](options);
    let result: Result;
    try {
      result = await runUnder(this.session.client, claims, async () => task(lock));
    } catch (error) {
      throw await ended(lock, { cause: error }, error);
    }
    const lost = await ended(lock, { result }, undefined);
    if (lost !== undefined) throw lost;
    return result;
  }

  #claims(options: Options): readonly Claim[] {
    const claims = this[claimsOf](options);
    refuseReentry(this.session.client, claims);
    return claims;
  }

  /** No timer need have told of a loss yet, and what was heard of the queue may be old. @throws LeaseLostError. */
  #valid(claims: readonly Claim[], places: readonly Place[]): Held {
    try {
      this.session.assertValid();
    } catch (error) {
      // Tried once: the session is over, and its lease may live on for as long as hand-over is delayed.
      leave(places).catch(() => {});
      throw error;
    }
    return this.#held(claims, places);
  }

  #held(claims: readonly Claim[], places: readonly Place[]): Held {
    const guards = places.map((place, at) => claims[at]?.guard?.(place) ?? place.isTaken);
    return this.hold({ session: this.session, places, guards });
  }

  async #removeGhosts(claims: readonly Claim[], call: CallOptions): Promise<void> {
    for (const { ghost } of claims) {
      if (ghost !== undefined) await removeGhosts(this.session, ghost, call);
    }
  }

  async #takeIfFree(
    claims: readonly Claim[],
    call: CallOptions,
  ): Promise<readonly Place[] | 'taken' | 'changed'> {
    const conditions = await Promise.all(claims.map((claim) => claim.free(call)));
    if (conditions.includes(undefined)) return 'taken';
    const all = conditions.flatMap((each) => each ?? []);
    return (await Place.takeIf(this.session, claims, all, call)) ?? 'changed';
  }
}

async function turns(
  claims: readonly Claim[],
  places: readonly Place[],
  waiting: {
    readonly signal: AbortSignal;
    readonly onQueued: ((position: number) => void) | undefined;
  },
): Promise<void> {
  const { signal, onQueued } = waiting;
  const positions = places.map(() => 0);
  const tell = (at: number, position: number): void => {
    const told = Math.max(...positions);
    positions[at] = position;
    const worst = Math.max(...positions);
    if (worst !== told && worst > 0) onQueued?.(worst);
  };
  await Promise.all(
    places.map(async (place, at) => {
      const admit = claims[at]?.admit;
      // Who waits for room at the head of a queue is the next one too, though nobody is before it.
      const head = admit === undefined ? 0 : 1;
      await place.turn({
        signal,
        onQueued: onQueued && ((before) => tell(at, before + head)),
      });
      await admit?.(place, signal, () => tell(at, head));
      positions[at] = 0;
    }),
  );
}

/** Releases. @returns what to throw. */
async function ended(
  held: Lock,
  details: { readonly cause?: unknown; readonly result?: unknown },
  otherwise: unknown,
): Promise<unknown> {
  const lock = held.current;
  lock.remainingMs();
  const wasLost = lock.lost.aborted;
  const reason: unknown = lock.lost.reason;
  // A lock that cannot be released now is removed in the background; the task's own end counts.
  await lock.release().catch(() => false);
  if (!wasLost) return otherwise;
  const why = reason instanceof Error ? reason.message : 'the lock is lost';
  return new LockLostError(`${why}, while the task ran under it`, details);
}
