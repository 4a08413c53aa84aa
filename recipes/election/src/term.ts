import { type Bytes, compare, op, type Session } from '@lockstep/client';
import { Lock, LockLostError } from '@lockstep/locks';
import type { Place } from '@lockstep/locks/queueing';
import { TransferError } from './errors.ts';
import type { ElectionKeys } from './keys.ts';
import { type Standing, standingOf } from './standing.ts';

/** What a term is made of. */
export interface Office<Value> {
  readonly session: Session;
  readonly place: Place;
  readonly keys: ElectionKeys;
  encode(value: Value): Bytes;
}

/**
 * The time in which one leads: a lock, with the same `token`, `lost`, `assertHeld()` and guarded `txn()`. It has a
 * session of its own, which ends with it. After a loss, {@link resign} costs nothing and may be called all the same.
 */
export class Term<Value = string> extends Lock {
  readonly #office: Office<Value>;
  #by: 'resign' | 'transfer' | undefined;
  #resigning: Promise<boolean> | undefined;

  /** Made by `election.campaign` and `election.run`. */
  constructor(office: Office<Value>) {
    const { session, place } = office;
    super({ session, places: [place], guards: [place.isTaken] });
    this.#office = office;
    const isOver = (): void => {
      // Resigning closes it too, and in an order of its own.
      if (this.#by === undefined) session.close().catch(() => {});
    };
    if (this.lost.aborted) isOver();
    else this.lost.addEventListener('abort', isOver, { once: true });
  }

  /** How it ended; undefined while it goes on. */
  get endedBy(): 'resign' | 'transfer' | 'loss' | undefined {
    return this.lost.aborted ? (this.#by ?? 'loss') : undefined;
  }

  /**
   * Changes the value that observers see, in office.
   * @throws LockLostError when the term is over; DecodeError when the value cannot be written.
   */
  async proclaim(value: Value): Promise<void> {
    const { session, encode } = this.#office;
    const { leaseId: lease } = session;
    await this.txn()
      .do(op.put(this.key, encode(value), { lease }))
      .commit();
  }

  /**
   * Lets the next one lead. Resolves with false when the term was over already, which is no error. Resign only when
   * what is done as the leader has ended.
   * @throws what a call can end in, when the cluster cannot be asked: the term's lease ends by itself then.
   */
  resign(): Promise<boolean> {
    this.#resigning ??= this.#resign();
    return this.#resigning;
  }

  async #resign(): Promise<boolean> {
    // Asks the clocks: a term that was lost is not resigned, though no timer has told yet.
    if (this.remainingMs() > 0) this.#by = 'resign';
    try {
      return await super.release();
    } finally {
      await this.#office.session.close();
    }
  }

  /** The same as {@link resign}. */
  override release(): Promise<boolean> {
    return this.resign();
  }

  /**
   * Resigns in favour of a candidate, which then leads before all others, whatever their priorities. If it is gone before
   * it leads, the others are as they were. Of several with this identity it is the one who has waited longest. Like
   * {@link resign}, only when what is done as the leader has ended.
   * @throws TransferError when there is no such candidate, or another program's is before it, and the term goes on; or
   * when it left in that very moment, and the office is vacant: `endedBy` tells.
   * @throws LockLostError when the term was over already; what a call can end in, with the term over.
   */
  async transferTo(identity: string): Promise<void> {
    const { session, place, keys } = this.#office;
    this.assertHeld();
    const standing = await standingOf(session.client, keys);
    const { id, kv } = successorIn(standing, place.id, identity);
    this.assertHeld();
    // Lost before it is asked for: the other may lead before the answer is here.
    this.#by = 'transfer';
    this.surrender(`the office was handed to ${JSON.stringify(identity)}`);
    try {
      const { succeeded } = await this.txn()
        .if(compare.createRevision(kv.keyBytes, '=', kv.createRevision))
        // The choice goes with the lease of the one who was chosen.
        .do(...place.removal, op.put(keys.successor, id, { lease: kv.lease }))
        .commit();
      if (succeeded) return;
      throw new TransferError(
        `${JSON.stringify(identity)} withdrew while the office was handed to it: the office is vacant`,
      );
    } catch (error) {
      // It was lost before it could be handed over.
      if (error instanceof LockLostError) this.#by = undefined;
      throw error;
    } finally {
      await session.close();
    }
  }
}

function successorIn(
  { candidates }: Standing,
  leader: string,
  identity: string,
): Standing['candidates'][number] {
  const others = candidates.filter(({ id }) => id !== leader);
  const found = others.findIndex(({ record }) => record?.identity === identity && identity !== '');
  const chosen = others[found];
  if (chosen === undefined) {
    const names = others.map(({ record }) => record?.identity ?? '').filter((name) => name !== '');
    const there = names.length === 0 ? 'nobody with an identity waits' : `${names.join(', ')} wait`;
    throw new TransferError(
      `the office cannot be handed to ${JSON.stringify(identity)}, which is no candidate: ${there}`,
    );
  }
  const stranger = others.slice(0, found).find(({ record }) => record === undefined);
  if (stranger === undefined) return chosen;
  throw new TransferError(
    `the office cannot be handed to ${JSON.stringify(identity)}: ${stranger.kv.key}, a candidate of another program, is before it and would lead at once`,
  );
}
