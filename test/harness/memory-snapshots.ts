import type { SnapshotStream, Stamp } from '../../server/src/store.ts';

/** What a snapshot of a store in memory gives, and how many are being read. */
export class MemorySnapshots {
  parts: readonly Uint8Array[] = [];
  /** Thrown after the last part, if set. */
  failure: Error | undefined;
  partsTaken = 0;
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  get openCount(): number {
    return this.#open;
  }

  open(stamp: Stamp): SnapshotStream {
    const parts = this.parts.slice();
    this.#open++;
    let isOpen = true;
    return {
      stamp,
      next: async () => {
        this.partsTaken++;
        const part = parts.shift();
        if (part === undefined && this.failure !== undefined) throw this.failure;
        return part;
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--this.#open > 0) return;
        for (const wake of this.#waiting.splice(0)) wake();
      },
    };
  }

  /** Resolves when nobody reads one any more. */
  allClosed(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
