import { bytesFromText } from '@lockstep/client/protocol';
import type { CallOptions } from '../calls/call.ts';
import type { Client } from '../client.ts';
import type { Codec } from '../codec.ts';
import { invalid } from '../errors.ts';
import type { ReadOptions } from '../options.ts';
import { Space } from '../space.ts';
import { stm } from './stm.ts';

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

/**
 * A whole number that many processes add to: one key, with the number as text, 0 while there is none.
 *
 * Each {@link add} counts once, however often its answer is lost. Those that come at the same time come one after the
 * other, each within a few tries. It is made for some tens of processes, not for counting requests: beyond that give each
 * process a key of its own, and sum them up.
 */
export class Counter {
  readonly name: string;
  readonly #space: Space<number>;

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
   * when the key holds something else; ConflictError, when others were always faster; AmbiguousError when no answer came in
   * time, and it may have been added.
   */
  async add(amount = 1, options: CallOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(amount)) {
      throw invalid(`${amount} cannot be added: it must be a whole number within 2^53 - 1`);
    }
    return stm(
      this.#space,
      async (t) => {
        const value = (await t.get(this.name)) ?? 0;
        const sum = value + amount;
        if (!Number.isSafeInteger(sum)) {
          throw invalid(
            `the counter ${JSON.stringify(this.name)} is at ${value}: with ${amount} more it would not be within 2^53 - 1`,
          );
        }
        t.put(this.name, sum);
        return sum;
      },
      options,
    );
  }

  /** The number as it is now. @throws DecodeError when the key holds something else; what a read can end in. */
  async value(options: ReadOptions = {}): Promise<number> {
    return (await this.#space.get(this.name, options))?.value ?? 0;
  }
}
