import { type CallOptions, compare, LeaseLostError, op, type Session } from '@lockstep/client';
import { ParticipantLostError, ReplacedError } from './errors.ts';
import { look, type Picture, pictureOf, pictures } from './picture.ts';
import type { Entrant, Layout, Round } from './round.ts';
import { type WaitOptions, waiting } from './wait.ts';

/** What lies between entering and leaving a double barrier, as one of those who entered together has it. */
export class Visit {
  /** Who entered together, by id, in the order in which they came. */
  readonly participants: readonly string[];
  readonly #session: Session;
  readonly #layout: Layout;
  readonly #round: Round;
  readonly #own: Entrant;
  /** It may have left, although no answer has said so. */
  #hasTried = false;
  /** The moment this one left. */
  #leftAt: Picture | undefined;

  /** Made by `doubleBarrier.enter`. */
  constructor(session: Session, layout: Layout, round: Round, own: Entrant) {
    this.#session = session;
    this.#layout = layout;
    this.#round = round;
    this.#own = own;
    this.participants = round.entrants.map(({ id }) => id);
  }

  /**
   * Leaves, and waits until all who entered have left. If the waiting is given up, this one has left all the same, and may call
   * again to go on waiting.
   * @throws ParticipantLostError, when nobody is left, if not all left in order: some died, or lost their session, between
   * entering and leaving, so what they did is perhaps not done. LeaseLostError or ReplacedError when this one is itself so.
   * DeadlineError when `timeoutMs` is over; the signal's reason; what a call can end in.
   */
  async leave(options: WaitOptions = {}): Promise<void> {
    const { clock } = this.#session.client;
    await waiting(clock, options, 'not everybody left', async (signal) => {
      this.#leftAt ??= await this.#left({ signal });
      await this.#allLeft(this.#leftAt, signal);
    });
  }

  async #left(call: CallOptions): Promise<Picture> {
    const { id, at } = this.#own;
    const isAgain = this.#hasTried;
    this.#hasTried = true;
    const found = look(this.#layout.ranges);
    const reply = await this.#session.client.txn(
      {
        compare: [this.#layout.standing(this.#own)],
        success: [
          op.delete(this.#layout.here(id)),
          op.put(this.#layout.left(id), String(at)),
          op.txn({ success: found }),
        ],
        failure: found,
      },
      call,
    );
    const { revision } = reply.header;
    if (reply.succeeded) {
      const [, , { results }] = reply.results;
      return pictureOf(results, revision);
    }
    const picture = pictureOf(reply.results, revision);
    // An earlier call left, and its answer did not come; perhaps the round is even over by now.
    if (this.#layout.hasLeft(picture, this.#own)) return picture;
    if (isAgain && !this.#isOn(picture)) return picture;
    if (picture.kvs.has(this.#layout.here(id))) {
      throw new ReplacedError(`somebody else is ${JSON.stringify(id)} at this barrier by now`);
    }
    throw new LeaseLostError(
      `${JSON.stringify(id)} is no longer at this barrier: its session was lost, or somebody removed its entry`,
    );
  }

  async #allLeft(leftAt: Picture, signal: AbortSignal): Promise<void> {
    if (await this.#isOver(leftAt)) return;
    const { client } = this.#session;
    const following = pictures(client, this.#layout.ranges, { signal, after: leftAt });
    for await (const picture of following) if (await this.#isOver(picture)) return;
  }

  /** @throws ParticipantLostError when all are gone, and not all of them in order. */
  async #isOver(picture: Picture): Promise<boolean> {
    if (!this.#isOn(picture)) {
      throw new ParticipantLostError(
        'the round was over and forgotten while this participant saw nothing, so it cannot be told whether all left in order',
        [],
      );
    }
    const { entrants } = this.#round;
    if (entrants.some((entrant) => this.#layout.isHere(picture, entrant))) return false;
    const [first] = entrants.filter((entrant) => this.#layout.hasLeft(picture, entrant));
    // One of those who see the end is enough to tidy up; if it fails, the next round does.
    if (first?.id === this.#own.id) await this.#forgotten().catch(() => {});
    const lost = entrants
      .filter((entrant) => !this.#layout.hasLeft(picture, entrant))
      .map(({ id }) => id);
    if (lost.length === 0) return true;
    const names = lost.map((id) => JSON.stringify(id)).join(', ');
    throw new ParticipantLostError(
      `${names} did not leave in order: perhaps what was to be done there is not done`,
      lost,
    );
  }

  #isOn(picture: Picture): boolean {
    return this.#layout.roundOf(picture)?.revision === this.#round.revision;
  }

  async #forgotten(): Promise<void> {
    await this.#session.client
      .txn()
      .if(compare.modRevision(this.#layout.round, '=', this.#round.revision))
      .do(op.delete(this.#layout.round), this.#layout.forget)
      .commit();
  }
}
