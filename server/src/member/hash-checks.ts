import { crc32c } from '../core/base/crc32c.ts';
import type { Command } from '../core/command.ts';
import type { Machine } from '../core/machine.ts';
import type { MachineImage } from '../core/machine-image.ts';

/** The hash of a state as of an applied index. */
export interface HashTaken {
  readonly hash: number;
  readonly appliedIndex: number;
  readonly compactRevision: number;
}

interface Hashing {
  /** The entry that asked for it; 0 when an operator did. */
  readonly check: number;
  readonly at: Omit<HashTaken, 'hash'>;
  readonly image: MachineImage;
  readonly chunks: Iterator<Uint8Array>;
  hash: number;
}

/**
 * Compares this member's state with the others'. The leader has a check appended now and then;
 * whoever applies it hashes the state as it is at that entry, a chunk in a turn, and reports.
 */
export class HashChecks {
  readonly #propose: (command: Command) => void;
  readonly #memberId: string;
  readonly #everyTicks: number;
  #ticks = 0;
  #hashing: Hashing | undefined;
  readonly #asked: ((taken: HashTaken | undefined) => void)[] = [];

  constructor(
    options: { memberId: string; everyTicks: number },
    propose: (command: Command) => void,
  ) {
    this.#memberId = options.memberId;
    this.#everyTicks = options.everyTicks;
    this.#propose = propose;
  }

  tick(leads: boolean): void {
    if (++this.#ticks < this.#everyTicks) return;
    this.#ticks = 0;
    // One that is still hashing the last state has enough to do.
    if (leads && this.#hashing === undefined) this.#propose({ type: 'hashCheck' });
  }

  /** The entry at index `check` asks for a hash and was just applied. */
  begin(check: number, machine: Machine): void {
    this.#hashing?.image.release();
    const image = machine.image();
    const at = { appliedIndex: check, compactRevision: machine.store.compactRevision };
    this.#hashing = { check, at, image, chunks: image.chunks(), hash: 0 };
  }

  /** Hashes the state as it is now; who asks while a hash is under way shares that one. Undefined when it was given up. */
  hash(appliedIndex: number, machine: Machine, done: (taken: HashTaken | undefined) => void): void {
    this.#asked.push(done);
    if (this.#hashing !== undefined) return;
    const image = machine.image();
    const at = { appliedIndex, compactRevision: machine.store.compactRevision };
    this.#hashing = { check: 0, at, image, chunks: image.chunks(), hash: 0 };
  }

  /** One chunk. True when there is more. */
  step(): boolean {
    const hashing = this.#hashing;
    if (hashing === undefined) return false;
    const next = hashing.chunks.next();
    if (!next.done) {
      hashing.hash = crc32c(next.value, 0, next.value.length, hashing.hash);
      return true;
    }
    this.#hashing = undefined;
    const { check, at, hash } = hashing;
    for (const done of this.#asked.splice(0)) done({ ...at, hash });
    if (check > 0) this.#propose({ type: 'hashReport', memberId: this.#memberId, check, hash });
    return false;
  }

  /** Gives up: the state was replaced, or the member stops. */
  stop(): void {
    this.#hashing?.image.release();
    this.#hashing = undefined;
    for (const done of this.#asked.splice(0)) done(undefined);
  }
}
