import {
  type Bytes,
  type CallOptions,
  type Compare,
  compare,
  InvalidError,
  type KeyValue,
  LeaseLostError,
  LeaseNotFoundError,
  NoSpaceError,
  type Operation,
  op,
  type Session,
  TooLargeError,
} from '@lockstep/client';
import { LockLostError } from './errors.ts';
import { untilGivenUp } from './patience.ts';
import { firstFound } from './queue.ts';
import { removeInDoubt, removeUntilGone } from './removal.ts';

/**
 * What an older key means to a place: it has to wait for it; or neither for it nor for any older one; or the
 * key is no place at all, and the next older one decides.
 */
export type Verdict = 'blocks' | 'clears' | 'stranger';

/** Where somebody wants to stand, and for whom to wait there. */
export interface Spot {
  /** What the place's own key begins with. */
  readonly prefix: string;
  /** What the keys begin with that may be in its way. */
  readonly scope: string;
  /** What the place's key holds, before its turn or when it has it at once. */
  value(hasTurn: boolean): Bytes;
  judge(older: KeyValue): Verdict;
  /** What else is put for a place with this id, in the same transaction, under the same lease. */
  beside?(id: string): { readonly key: string; readonly value: string };
}

/** What waiting may be told of. */
export interface TurnOptions {
  readonly signal: AbortSignal;
  /** How many are before this place; told when waiting begins and when the one right before goes away. Never 0. */
  readonly onQueued?: ((position: number) => void) | undefined;
}

/** The place right before, if it has to be waited for, as of a revision. */
interface Seen {
  readonly before: KeyValue | undefined;
  /** Nothing else is older; and nothing ever will be, so that when it goes there is nobody in the way. */
  readonly isOnly: boolean;
  readonly revision: number;
}

/**
 * A place in a queue: a key of one acquisition and no other, `<prefix><lease>.<nonce>`, attached to the session's
 * lease. Who came first is first, by create revision, and a place waits for the one before it only: a release wakes
 * one. The layout is that of etcd's concurrency package, so `etcdctl lock` stands in the same queue.
 */
export class Place {
  readonly session: Session;
  readonly spot: Spot;
  readonly id: string;
  /** The key's create revision: the fencing token. Larger than that of every place before it. */
  readonly token: number;
  #seen: Seen | undefined;

  private constructor(made: Pick<Place, 'session' | 'spot' | 'id' | 'token'>, seen?: Seen) {
    this.session = made.session;
    this.spot = made.spot;
    this.id = made.id;
    this.token = made.token;
    this.#seen = seen;
  }

  get key(): string {
    return this.spot.prefix + this.id;
  }

  /** What gives the place up, for a transaction that has {@link isTaken} as a condition. */
  get removal(): readonly Operation<readonly KeyValue[]>[] {
    return keysOf(this.spot, this.id).map((key) => op.delete(key).map(() => []));
  }

  /** The condition that this place is still taken. */
  get isTaken(): Compare {
    return compare.createRevision(this.key, '=', this.token);
  }

  /**
   * Takes the last place at each of the spots, in one transaction and one round trip: so of two who want several,
   * one is before the other everywhere. If it is not known whether that went through, the keys are removed
   * in the background.
   * @param insteadOf a place that is given up in the same transaction.
   * @throws LockLostError when that place is not taken any more.
   */
  static async take(
    session: Session,
    spots: readonly Spot[],
    call: CallOptions,
    insteadOf?: Place,
  ): Promise<readonly Place[]> {
    return entered(session, spots, async (ids) => {
      const newest = spots.map(({ scope }) =>
        op
          .range({ prefix: scope }, { sortTarget: 'create', sortOrder: 'descend', limit: 3 })
          .map(({ kvs }) => kvs),
      );
      const compare = insteadOf === undefined ? [] : [insteadOf.isTaken];
      const writes = [...(insteadOf?.removal ?? []), ...putsOf(session, spots, ids, false)];
      const success = [...writes, ...newest];
      const reply = await session.client.txn({ compare, success }, call);
      if (!reply.succeeded) throw new LockLostError(`${insteadOf?.key} is gone`);
      const { revision: token } = reply.header;
      return spots.map((spot, at) => {
        const [id = '', kvs = []] = [ids[at], reply.results[writes.length + at]];
        const [older, ...more] = kvs.filter(({ wireKey }) => wireKey !== spot.prefix + id);
        const verdict = older === undefined ? 'clears' : spot.judge(older);
        // Behind a stranger it is not known who is before, so that waiting begins with a look.
        const before = verdict === 'blocks' ? older : undefined;
        const isOnly = more.length === 0;
        const seen = verdict === 'stranger' ? undefined : { before, isOnly, revision: token };
        return new Place({ session, spot, id, token }, seen);
      });
    });
  }

  /** Takes the places, with the turn at each of them, if the conditions hold; undefined if they do not. */
  static async takeIf(
    session: Session,
    spots: readonly Spot[],
    conditions: readonly Compare[],
    call: CallOptions,
  ): Promise<readonly Place[] | undefined> {
    return entered(session, spots, async (ids) => {
      const puts = putsOf(session, spots, ids, true);
      const reply = await session.client.txn({ compare: conditions, success: puts }, call);
      if (!reply.succeeded) return undefined;
      const { revision: token } = reply.header;
      const seen = { before: undefined, isOnly: true, revision: token };
      return spots.map((spot, at) => new Place({ session, spot, id: ids[at] ?? '', token }, seen));
    });
  }

  /**
   * Resolves when nobody is in the way any more, and this place is still taken.
   * @throws LockLostError when its own key is gone; the signal's reason.
   */
  async turn({ signal, onQueued }: TurnOptions): Promise<void> {
    let told = 0;
    for (;;) {
      this.#seen ??= await this.#look(signal);
      const { before, isOnly, revision } = this.#seen;
      if (before === undefined) return;
      if (onQueued !== undefined) {
        const position = (await this.older({ signal })).kvs.filter(
          (kv) => this.spot.judge(kv) === 'blocks',
        ).length;
        if (position > 0 && position !== told) onQueued(position);
        told = position;
      }
      const cleared = await this.#untilEither(before, revision, signal);
      if (cleared && isOnly) return;
      this.#seen = undefined;
    }
  }

  /** Who is right before, in the same answer that shows this place itself. */
  async #look(signal: AbortSignal): Promise<Seen> {
    const { kvs, revision } = await this.older({ signal, limit: 2 });
    const verdicts = new Set(kvs.map((kv) => this.spot.judge(kv)));
    const { kvs: all, revision: seenAt } = verdicts.has('stranger')
      ? await this.older({ signal })
      : { kvs, revision };
    const decides = all.find((kv) => this.spot.judge(kv) !== 'stranger');
    const blocks = decides !== undefined && this.spot.judge(decides) === 'blocks';
    const before = blocks ? decides : undefined;
    return { before, isOnly: all.length === 1, revision: seenAt };
  }

  /**
   * The keys of the scope that are older than this place, newest first, and another key, as of one revision.
   * @throws LockLostError when this place is not taken any more.
   */
  async older(options: {
    readonly signal: AbortSignal;
    readonly limit?: number;
    readonly also?: string;
  }): Promise<{
    readonly kvs: readonly KeyValue[];
    readonly also: KeyValue | undefined;
    readonly revision: number;
  }> {
    const { signal, limit = 0, also } = options;
    const asked = [
      op.range(this.key, { keysOnly: true }),
      op.range(
        { prefix: this.spot.scope },
        { maxCreateRevision: this.token - 1, sortTarget: 'create', sortOrder: 'descend', limit },
      ),
      ...(also === undefined ? [] : [op.range(also)]),
    ].map((range) => range.map(({ kvs }) => kvs));
    const { header, results } = await this.session.client.txn(
      { success: asked },
      { signal, timeoutMs: untilGivenUp },
    );
    const [own = [], kvs = [], [other] = []] = results;
    if (own[0]?.createRevision !== this.token) {
      throw new LockLostError(`${this.key} is gone: its lease has ended, or somebody removed it`);
    }
    return { kvs, also: other, revision: header.revision };
  }

  /**
   * Waits until the one before is gone or no longer in the way, or this place itself is gone.
   * @returns true when it is the former, and this place was still taken then: all of that is of one revision.
   */
  async #untilEither(before: KeyValue, revision: number, signal: AbortSignal): Promise<boolean> {
    const ranges = [before.key, this.key];
    const watching = { ranges, startRevision: revision + 1, signal };
    const cleared = await firstFound(this.session.client, watching, (events) => {
      const isGone = events.some(({ type, key }) => type === 'delete' && key === this.key);
      const isCleared = events.some(
        ({ type, key, kv }) =>
          key === before.key && (type === 'delete' || this.spot.judge(kv) === 'clears'),
      );
      return isGone || isCleared ? !isGone : undefined;
    });
    return cleared === true;
  }
}

/** Gives all of them up, at one revision. Resolves with false when one was gone already. */
export async function leave(places: readonly Place[]): Promise<boolean> {
  const [place, ...more] = places;
  if (place === undefined) return false;
  const { client } = place.session;
  // A key is of one acquisition and no other, so its name says as much as its create revision.
  if (more.length === 0 && place.spot.beside === undefined) {
    return (await client.delete(place.key)).deleted > 0;
  }
  const each = places.map(({ isTaken, removal }) =>
    op.txn({ compare: [isTaken], success: removal }).map(({ succeeded }) => succeeded),
  );
  const { results } = await client.txn({ success: each });
  return results.every((wasTaken) => wasTaken === true);
}

/** Gives them up in the background, again and again until they are known to be gone. */
export function abandon(places: readonly Place[]): void {
  const { session } = places[0] ?? {};
  if (session !== undefined) removeUntilGone(session, () => leave(places));
}

/** Enters under new keys, which are removed in the background when it is not known whether that went through. */
async function entered<Result>(
  session: Session,
  spots: readonly Spot[],
  enter: (ids: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const ids = spots.map(() => idOf(session));
  try {
    return await enter(ids);
  } catch (error) {
    if (error instanceof LeaseNotFoundError) {
      throw new LeaseLostError('the session is lost: the cluster has ended its lease', error);
    }
    if (saysNothingWasPut(error)) throw error;
    // Nobody else ever uses these keys, so they can go whatever their revisions are.
    const keys = spots.flatMap((spot, at) => keysOf(spot, ids[at] ?? ''));
    const remove = () => session.client.txn({ success: keys.map((key) => op.delete(key)) });
    removeInDoubt(session, remove);
    throw error;
  }
}

function saysNothingWasPut(error: unknown): boolean {
  const kinds = [InvalidError, TooLargeError, LockLostError, NoSpaceError];
  return kinds.some((kind) => error instanceof kind);
}

function putsOf(
  { leaseId: lease }: Session,
  spots: readonly Spot[],
  ids: readonly string[],
  hasTurn: boolean,
): readonly Operation<readonly KeyValue[]>[] {
  return spots.flatMap((spot, at) => {
    const id = ids[at] ?? '';
    const beside = spot.beside?.(id);
    return [
      { key: spot.prefix + id, value: spot.value(hasTurn) },
      ...(beside === undefined ? [] : [beside]),
    ].map(({ key, value }) => op.put(key, value, { lease }).map(() => []));
  });
}

function keysOf(spot: Spot, id: string): readonly string[] {
  const beside = spot.beside?.(id);
  return [spot.prefix + id, ...(beside === undefined ? [] : [beside.key])];
}

function idOf({ leaseId }: Session): string {
  const lease = BigInt.asUintN(64, BigInt(leaseId)).toString(16);
  return `${lease}.${crypto.randomUUID()}`;
}
