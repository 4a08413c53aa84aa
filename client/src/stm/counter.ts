import { bytesFromText } from '@lockstep/client/protocol';
import type { CallOptions } from '../calls/call.ts';
import type { Client } from '../client.ts';
import type { Codec } from '../codec.ts';
import { wireOf } from '../connection/wire.ts';
import { ConflictError, invalid } from '../errors.ts';
import type { ReadOptions } from '../options.ts';
import { type Entry, Space } from '../space.ts';
import { compare } from '../txn.ts';

const decoder = new TextDecoder();

/** Whole numbers as decimal text, as people and other programs write them. */
const wholeNumbers: Codec<number> = {
  encode: (value) => String(value),
  decode: (bytes) => {
    const written = decoder.decode(bytes);
    const value = Number(written);
    if (/^-?\d+$/.test(written) && Number.isSafeInteger(value)) return value;
    throw new TypeError(
      `${JSON.stringify(written.slice(0, 40))} is no whole number within 2^53 - 1`,
    );
  },
};

/** What the key held when this client last saw it. */
interface Seen {
  readonly value: number;
  /** 0 when there was no such key. */
  readonly modRevision: number;
}

/**
 * A whole number that many processes add to: one key, with the number as text, 0 while there is none.
 *
 * Each {@link add} counts once, however often its answer is lost. Those that meet come one after the other, one in each
 * round trip, whoever it is: none is held up by another that stopped. So it is made for some tens of processes, not for counting
 * requests: beyond that give each process a key of its own, and sum them up.
 */
export class Counter {
  readonly name: string;
  readonly #space: Space<number>;
  #seen: Seen | undefined;

  /** @throws InvalidError when the name, which is the key, is none. */
  constructor(client: Client, name: string) {
    if (typeof name !== 'string' || name === '') {
      throw invalid(`the name ${JSON.stringify(name)} of the counter is empty, or no text`);
    }
    if (bytesFromText(name) === undefined) {
      throw invalid(`the name ${JSON.stringify(name)} is no text: it has half of a surrogate pair`);
    }
    this.name = name;
    this.#space = new Space(client, '', wholeNumbers);
  }

  /**
   * Adds a whole number, which may be negative. @returns the sum.
   * @throws InvalidError when the number is not whole, or the sum is not within 2^53 - 1, and then adds nothing; DecodeError
   * when the key holds something else; ConflictError, when others were always faster until the deadline; AmbiguousError when no
   * answer came in time, and it may have been added.
   */
  async add(amount = 1, options: CallOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(amount)) {
      throw invalid(`${amount} cannot be added: it must be a whole number within 2^53 - 1`);
    }
    const { clock, callTimeoutMs } = wireOf(this.#space.client);
    const { timeoutMs = callTimeoutMs } = options;
    const endsAt = clock.now() + timeoutMs;
    let call: CallOptions = { ...options, timeoutMs };
    let seen = this.#seen ?? (await this.#look(call));
    // What was seen long ago is no reason to refuse.
    if (!Number.isSafeInteger(seen.value + amount)) seen = await this.#look(call);
    for (;;) {
      const sum = this.#sum(seen.value, amount);
      const sentAt = clock.now();
      const reply = await this.#space.client
        .txn()
        .if(compare.modRevision(this.name, '=', seen.modRevision))
        .do(this.#space.op.put(this.name, sum))
        .else(this.#space.op.get(this.name))
        .commit(call);
      if (reply.succeeded) {
        this.#seen = { value: sum, modRevision: reply.results[0].revision };
        return sum;
      }
      // Somebody else has added, so of those who meet one always comes through: there is nothing to wait for.
      seen = seenIn(reply.results[0].entry);
      const now = clock.now();
      const left = endsAt - now;
      // Better to know that it was not added than to be cut off in the next try.
      if (left <= now - sentAt) {
        throw new ConflictError(
          `others always added to ${JSON.stringify(this.name)} first, for ${timeoutMs} ms`,
          seen.modRevision,
        );
      }
      call = { ...options, timeoutMs: left };
    }
  }

  /** The number as it is now. @throws DecodeError when the key holds something else; what a read can end in. */
  async value(options: ReadOptions = {}): Promise<number> {
    return (await this.#space.get(this.name, options))?.value ?? 0;
  }

  async #look(call: CallOptions): Promise<Seen> {
    return seenIn(await this.#space.get(this.name, call));
  }

  #sum(value: number, amount: number): number {
    const sum = value + amount;
    if (Number.isSafeInteger(sum)) return sum;
    throw invalid(
      `the counter ${JSON.stringify(this.name)} is at ${value}: with ${amount} more it would not be within 2^53 - 1`,
    );
  }
}

function seenIn(entry: Entry<number> | undefined): Seen {
  return { value: entry?.value ?? 0, modRevision: entry?.modRevision ?? 0 };
}
