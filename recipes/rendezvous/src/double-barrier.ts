import {
  ClosedError,
  compare,
  invalid,
  LeaseLostError,
  op,
  pause,
  type Session,
} from '@lockstep/client';
import { ReplacedError } from './errors.ts';
import { checkedCount, checkedId, checkedName } from './name.ts';
import { look, type Picture, pictureOf, pictures } from './picture.ts';
import { type Entrant, Layout, type Round } from './round.ts';
import { Visit } from './visit.ts';
import { type WaitOptions, waiting } from './wait.ts';

export interface DoubleBarrierOptions {
  /** How many go through together; all who take part say the same. */
  readonly count: number;
  /**
   * Who this is, and will be again after a restart: a host, a pod, a shard. A process that comes back under its id
   * takes the place of the one that died, at once, and is never counted beside it.
   */
  readonly id: string;
}

const abandonRetryMs = 1_000;

/**
 * Where a number of participants begin together and end together. Whoever {@link enter}s waits until `count` are
 * there; whoever then leaves waits until all have left. More may come: they are the next round.
 *
 * One that dies before the others have come is not counted. One that dies after that does not stop the others: when they
 * leave they are told who is lost, with a ParticipantLostError, because what it was to do is perhaps not done.
 *
 * Not promised: that all are alive when {@link enter} returns. They had all come.
 */
export class DoubleBarrier {
  readonly name: string;
  readonly #session: Session;
  readonly #id: string;
  readonly #count: number;
  readonly #layout: Layout;
  /** How often this one has come. */
  #entries = 0;

  /** @throws InvalidError when the name or the id is none, or the count no whole number from 1 on. */
  constructor(session: Session, name: string, { count, id }: DoubleBarrierOptions) {
    this.#session = session;
    this.name = checkedName(name);
    this.#id = checkedId(id);
    this.#count = checkedCount(count);
    this.#layout = new Layout(this.name);
  }

  /**
   * Comes to the barrier and waits until `count` are there.
   * @throws InvalidError when those who came before expect another count; ReplacedError when somebody else comes under the
   * same id; LeaseLostError when the session or the entry is lost; DeadlineError when `timeoutMs` is over; the signal's
   * reason; what a call can end in. Its entry is then removed.
   */
  async enter(options: WaitOptions = {}): Promise<Visit> {
    const { client, lost } = this.#session;
    const late = `not ${this.#count} came to the barrier ${JSON.stringify(this.name)}`;
    const entering = async (signal: AbortSignal): Promise<Visit> => {
      const entry = ++this.#entries;
      let own: Entrant | undefined;
      try {
        const came = await this.#come(signal);
        own = came.own;
        return await this.#met(came.own, came.picture, signal);
      } catch (error) {
        this.#abandon(own, entry);
        throw error;
      }
    };
    return waiting(client.clock, options, late, entering, lost);
  }

  async #met(own: Entrant, came: Picture, signal: AbortSignal): Promise<Visit> {
    const { client } = this.#session;
    const atOnce = await this.#looked(came, own, signal);
    if (atOnce !== undefined) return atOnce;
    const following = pictures(client, this.#layout.ranges, { signal, after: came });
    for await (const next of following) {
      const visit = await this.#looked(next, own, signal);
      if (visit !== undefined) return visit;
    }
    throw new Error('what was followed ended without a reason');
  }

  /** Writes the own entry; one of an earlier life of this participant is replaced. */
  async #come(signal: AbortSignal): Promise<{ own: Entrant; picture: Picture }> {
    const key = this.#layout.here(this.#id);
    const { client, leaseId: lease } = this.#session;
    const reply = await client.txn(
      {
        success: [
          op.put(key, String(this.#count), { lease }),
          op.txn({ success: look(this.#layout.ranges) }),
        ],
      },
      { signal },
    );
    if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
    const [{ revision: at }, { results }] = reply.results;
    return { own: { id: this.#id, at }, picture: pictureOf(results, at) };
  }

  /** @returns the visit when the round has begun; begins it when that is this one's to do. */
  async #looked(picture: Picture, own: Entrant, signal: AbortSignal): Promise<Visit | undefined> {
    const round = this.#layout.roundOf(picture);
    if (round?.entrants.some(({ id, at }) => id === own.id && at === own.at) === true) {
      return new Visit(this.#session, this.#layout, round, own);
    }
    const entrants = this.#layout.entrants(picture);
    this.#refuseLost(picture, own);
    const [first] = entrants;
    if (first !== undefined && first.kv.value !== String(this.#count)) {
      throw invalid(
        `${JSON.stringify(first.id)} came to the barrier ${JSON.stringify(this.name)} as one of ${first.kv.value}, and this one as one of ${this.#count}`,
      );
    }
    const agreed = entrants.filter(({ kv }) => kv.value === String(this.#count));
    // Whoever came first begins: one writes, not all, and if it dies, it is not there to be counted either. Those of a round
    // that is on came before all who wait, so when one who waits stands first, that round is over.
    if (agreed.length >= this.#count && first?.id === own.id) {
      await this.#begin(round, agreed.slice(0, this.#count), own, signal);
    }
    return undefined;
  }

  async #begin(
    last: Round | undefined,
    entrants: readonly Entrant[],
    own: Entrant,
    signal: AbortSignal,
  ): Promise<void> {
    const value = JSON.stringify(entrants.map(({ id, at }) => ({ id, at })));
    // If it cannot be done, the next picture says why.
    await this.#session.client
      .txn()
      .if(
        compare.modRevision(this.#layout.round, '=', last?.revision ?? 0),
        this.#layout.standing(own),
      )
      .do(op.put(this.#layout.round, value), this.#layout.forget)
      .commit({ signal });
  }

  #refuseLost(picture: Picture, own: Entrant): void {
    if (this.#layout.isHere(picture, own)) return;
    const id = JSON.stringify(own.id);
    if (picture.kvs.has(this.#layout.here(own.id))) {
      throw new ReplacedError(
        `somebody else has come to the barrier ${JSON.stringify(this.name)} as ${id}`,
      );
    }
    throw new LeaseLostError(
      `the entry of ${id} is gone: its lease has ended, or somebody removed it`,
    );
  }

  /**
   * Removes the own entry in the background, until it is known to be gone or the session ends, and it with it. If it is not
   * known whether there is one, whatever this session has written under the id goes, unless it has come again.
   */
  #abandon(own: Entrant | undefined, entry: number): void {
    const { client, leaseId, lost } = this.#session;
    const key = this.#layout.here(this.#id);
    const isOwn = own === undefined ? compare.lease(key, '=', leaseId) : this.#layout.standing(own);
    const attempt = async (): Promise<void> => {
      while (!lost.aborted && (own !== undefined || entry === this.#entries)) {
        try {
          await client.txn().if(isOwn).do(op.delete(key)).commit();
          return;
        } catch (error) {
          if (error instanceof ClosedError) return;
        }
        await pause(client.clock, abandonRetryMs, lost);
      }
    };
    attempt().catch(() => {});
  }
}
