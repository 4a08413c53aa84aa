import { compare, op, type Session, WatchCompactedError } from '@lockstep/client';
import { LockLostError } from './errors.ts';

/** What waiting may be told of. */
export interface TurnOptions {
  readonly signal: AbortSignal;
  /** How many are before this place; told when it changes, and never 0. */
  readonly onQueued: ((position: number) => void) | undefined;
}

const abandonRetryMs = 1_000;

/**
 * A place in a queue: a key of one acquisition and no other, `<queue>/<lease>.<nonce>`, attached to the session's
 * lease. Who came first is first, by create revision, and a place waits for the one before it only: a release wakes
 * one. The layout is that of etcd's concurrency package, so `etcdctl lock` stands in the same queue.
 */
export class Place {
  readonly session: Session;
  readonly queue: string;
  readonly key: string;
  /** The key's create revision: the fencing token. Larger than that of every place before it. */
  readonly token: number;
  /** True if nobody was before it when it was taken. */
  readonly wasFirst: boolean;

  private constructor(made: Pick<Place, 'session' | 'queue' | 'key' | 'token' | 'wasFirst'>) {
    this.session = made.session;
    this.queue = made.queue;
    this.key = made.key;
    this.token = made.token;
    this.wasFirst = made.wasFirst;
  }

  /**
   * Takes the last place of a queue, one round trip. If it is not known whether that went through, the key is
   * removed in the background.
   */
  static async take(
    session: Session,
    queue: string,
    value: string,
    call: { readonly signal?: AbortSignal },
  ): Promise<Place> {
    const { client, leaseId: lease } = session;
    return entered(session, queue, async (key) => {
      const reply = await client
        .txn()
        .do(op.put(key, value, { lease }), first(queue))
        .commit(call);
      if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
      const [{ revision: token }, { kvs }] = reply.results;
      return new Place({ session, queue, key, token, wasFirst: kvs[0]?.key === key });
    });
  }

  /** Takes the place if nobody has one; undefined if somebody has. */
  static async tryTake(
    session: Session,
    queue: string,
    value: string,
    call: { readonly signal?: AbortSignal },
  ): Promise<Place | undefined> {
    const { client, leaseId: lease } = session;
    return entered(session, queue, async (key) => {
      const reply = await client
        .txn()
        .if(compare.missing({ prefix: `${queue}/` }))
        .do(op.put(key, value, { lease }))
        .commit(call);
      if (!reply.succeeded) return undefined;
      const [{ revision: token }] = reply.results;
      return new Place({ session, queue, key, token, wasFirst: true });
    });
  }

  /**
   * Resolves when nobody is before this place any more, and it is still there itself.
   * @throws LockLostError when its own key is gone; the signal's reason.
   */
  async turn({ signal, onQueued }: TurnOptions): Promise<void> {
    if (this.wasFirst) return;
    let told = 0;
    for (;;) {
      const { before, revision } = await this.#look(signal);
      if (before === undefined) return;
      if (onQueued !== undefined) {
        const position = await this.#position(signal);
        if (position > 0 && position !== told) onQueued(position);
        told = position;
      }
      await this.#untilEither(before, revision, signal);
    }
  }

  /** Who is right before this place, in the same answer that shows this place itself. */
  async #look(signal: AbortSignal): Promise<{ before: string | undefined; revision: number }> {
    const reply = await this.session.client
      .txn()
      .do(op.get(this.key, { keysOnly: true }), this.#before({ limit: 1 }))
      .commit({ signal });
    if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
    const [own, { kvs }] = reply.results;
    if (own.kv?.createRevision !== this.token) {
      throw new LockLostError(`${this.key} is gone: its lease has ended, or somebody removed it`);
    }
    return { before: kvs[0]?.key, revision: reply.header.revision };
  }

  async #position(signal: AbortSignal): Promise<number> {
    const reply = await this.session.client
      .txn()
      .do(this.#before({ limit: 0 }))
      .commit({ signal });
    return reply.succeeded ? reply.results[0].kvs.length : 0;
  }

  #before({ limit }: { limit: number }) {
    return op.range(
      { prefix: `${this.queue}/` },
      {
        maxCreateRevision: this.token - 1,
        sortTarget: 'create',
        sortOrder: 'descend',
        keysOnly: true,
        limit,
      },
    );
  }

  /** Waits until one of the two keys is deleted: the one before, or this place's own. */
  async #untilEither(before: string, revision: number, signal: AbortSignal): Promise<void> {
    const watch = this.session.client.watch({
      ranges: [before, this.key],
      startRevision: revision + 1,
      noPut: true,
      keysOnly: true,
      signal,
    });
    try {
      for await (const _ of watch) return;
    } catch (error) {
      // What was missed does not matter: the next look shows what is.
      if (!(error instanceof WatchCompactedError)) throw error;
    }
  }

  /** Gives the place up. Resolves with false when it was gone already. */
  async leave(): Promise<boolean> {
    const reply = await this.session.client
      .txn()
      .if(compare.createRevision(this.key, '=', this.token))
      .do(op.delete(this.key))
      .commit();
    return reply.succeeded;
  }

  /** Gives the place up in the background, again and again until it is known to be gone. */
  abandon(): void {
    abandon(this.session, () => this.leave());
  }
}

/** Enters a queue under a new key, which is removed in the background when it is not known whether that went through. */
async function entered<Result>(
  session: Session,
  queue: string,
  enter: (key: string) => Promise<Result>,
): Promise<Result> {
  const key = keyOf(session, queue);
  try {
    return await enter(key);
  } catch (error) {
    // Nobody else ever uses this key, so it can go whatever its revision is.
    abandon(session, () => session.client.delete(key));
    throw error;
  }
}

function first(queue: string) {
  return op.range(
    { prefix: `${queue}/` },
    { sortTarget: 'create', sortOrder: 'ascend', keysOnly: true, limit: 1 },
  );
}

function keyOf({ leaseId }: Session, queue: string): string {
  const lease = BigInt.asUintN(64, BigInt(leaseId)).toString(16);
  return `${queue}/${lease}.${crypto.randomUUID()}`;
}

/** Tries until it succeeds, or the session ends and with it the lease that the key hangs on. */
function abandon(session: Session, remove: () => Promise<unknown>): void {
  const attempt = async (): Promise<void> => {
    if (session.lost.aborted) return;
    try {
      await remove();
    } catch {
      session.client.clock.after(abandonRetryMs, () => {
        attempt().catch(() => {});
      });
    }
  };
  attempt().catch(() => {});
}
