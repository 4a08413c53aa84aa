import type { WriteBatch } from '../core/raft/ready.ts';
import type { Wal } from '../storage/wal/wal.ts';

/** Hands the core's writes to the log in their order, and knows the last one that is durable. */
export class DurableWrites {
  readonly #wal: Wal;
  readonly #onDurable: () => void;
  /** Writes held back until a received snapshot is durable, since they follow it. */
  #held: WriteBatch[] | undefined;
  #durableBatch = 0;
  #underWay = 0;

  constructor(wal: Wal, onDurable: () => void) {
    this.#wal = wal;
    this.#onDurable = onDurable;
  }

  get durableBatch(): number {
    return this.#durableBatch;
  }

  /** True when the disk has nothing to do. */
  get isIdle(): boolean {
    return this.#underWay === 0 && this.#held === undefined;
  }

  write(write: WriteBatch): void {
    if (this.#held !== undefined) {
      this.#held.push(write);
      return;
    }
    this.#underWay++;
    this.#wal.append(write, () => {
      this.#underWay--;
      this.#durableBatch = Math.max(this.#durableBatch, write.batch);
      this.#onDurable();
    });
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const write of held) this.write(write);
  }
}
