import {
  type CallOptions,
  type Client,
  ConflictError,
  compare,
  DecodeError,
  invalid,
  type KeyValue,
  op,
} from '@lockstep/client';
import { ResetError } from './errors.ts';
import { checkedCount, checkedId, checkedName } from './name.ts';
import { pictures } from './picture.ts';
import { type WaitOptions, waiting } from './wait.ts';

/**
 * A number that participants count down, each once, and that others wait for: a latch. Each participant that has
 * counted is a key of its own, so it counts once however often it says so, and an answer that was lost changes nothing.
 *
 * Not promised: that a participant which counted is still alive. What was counted stays so until {@link reset}.
 */
export class Countdown {
  readonly name: string;
  readonly #client: Client;
  readonly #countKey: string;
  readonly #done: { readonly prefix: string };

  /** @throws InvalidError when the name is none. */
  constructor(client: Client, name: string) {
    this.#client = client;
    this.name = checkedName(name);
    this.#countKey = `${this.name}/count`;
    this.#done = { prefix: `${this.name}/done/` };
  }

  /**
   * Begins at `count`. All who take part may call this: the first begins, and the others find it begun.
   * @returns false when it had begun already.
   * @throws ConflictError when it had begun with another count; InvalidError when the count is no whole number from 1 on.
   */
  async start(count: number, options: CallOptions = {}): Promise<boolean> {
    checkedCount(count);
    const reply = await this.#client
      .txn()
      .if(compare.missing(this.#countKey))
      .do(op.put(this.#countKey, String(count)), op.delete(this.#done))
      .else(op.get(this.#countKey))
      .commit(options);
    if (reply.succeeded) return true;
    const { kv } = reply.results[0];
    if (kv === undefined || this.#countOf(kv) === count) return false;
    throw new ConflictError(
      `the countdown ${JSON.stringify(this.name)} has begun with ${kv.value} and not with ${count}: reset it first`,
      kv.modRevision,
    );
  }

  /**
   * Counts a participant, once. @returns how many are left to count.
   * @throws InvalidError when the countdown has not begun, or the id is none.
   */
  async countDown(participant: string, options: CallOptions = {}): Promise<number> {
    const key = `${this.#done.prefix}${checkedId(participant)}`;
    const read = [op.get(this.#countKey), this.#countDone] as const;
    const reply = await this.#client
      .txn()
      .if(compare.exists(this.#countKey), compare.missing(key))
      .do(op.put(key, ''), ...read)
      .else(...read)
      .commit(options);
    const [{ kv }, { count: done }] = reply.succeeded
      ? ([reply.results[1], reply.results[2]] as const)
      : reply.results;
    if (kv !== undefined) return this.#left(kv, done);
    throw invalid(
      `the countdown ${JSON.stringify(this.name)} has not begun: start(count) begins it, and whoever takes part may call that`,
    );
  }

  /** How many are left to count; undefined when it has not begun. */
  async count(options: CallOptions = {}): Promise<number | undefined> {
    const success = [op.get(this.#countKey), this.#countDone] as const;
    const reply = await this.#client.txn({ success }, options);
    if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
    const [{ kv }, { count: done }] = reply.results;
    return kv === undefined ? undefined : this.#left(kv, done);
  }

  /**
   * Resolves when nobody is left to count; of one that has not begun, when it has begun and come to its end.
   * @throws ResetError when it is reset meanwhile; DeadlineError when `timeoutMs` is over; the signal's reason; what a
   * call can end in.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    const late = `the countdown ${JSON.stringify(this.name)} did not come to its end`;
    await waiting(this.#client.clock, options, late, (signal) => this.#ended(signal));
  }

  /** Takes it back: it has not begun, and nobody has counted. @returns false when that was so already. */
  async reset(options: CallOptions = {}): Promise<boolean> {
    const reply = await this.#client
      .txn()
      .do(op.delete(this.#countKey), op.delete(this.#done))
      .commit(options);
    if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
    return reply.results[0].deleted > 0;
  }

  async #ended(signal: AbortSignal): Promise<void> {
    const ranges = [this.#countKey, this.#done];
    let begunAt: number | undefined;
    for await (const { kvs } of pictures(this.#client, ranges, { signal })) {
      const kv = kvs.get(this.#countKey);
      begunAt ??= kv?.createRevision;
      if (kv?.createRevision !== begunAt) throw new ResetError(this.name);
      if (kv !== undefined && this.#left(kv, kvs.size - 1) === 0) return;
    }
  }

  get #countDone() {
    return op.range(this.#done, { countOnly: true });
  }

  #left(kv: KeyValue, done: number): number {
    return Math.max(0, this.#countOf(kv) - done);
  }

  #countOf(kv: KeyValue): number {
    const written = new TextDecoder().decode(kv.valueBytes);
    const count = Number(written);
    if (/^\d+$/.test(written) && Number.isSafeInteger(count)) return count;
    const cause = new TypeError(`${JSON.stringify(written.slice(0, 40))} is no count`);
    throw new DecodeError(`the value of ${this.#countKey} cannot be read: ${cause.message}`, {
      key: this.#countKey,
      bytes: kv.valueBytes,
      cause,
    });
  }
}
