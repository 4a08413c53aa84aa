export interface Sized<Batch> {
  readonly batch: Batch;
  readonly size: number;
}

/**
 * What a watch has received and its consumer has not yet taken. The producer asks {@link isFull}
 * and stops the flow at its source; the queue itself takes whatever it is given.
 */
export class BatchQueue<Batch> {
  readonly #sizeMax: number;
  readonly #onTaken: () => void;
  readonly #batches: Sized<Batch>[] = [];
  #head = 0;
  #size = 0;
  readonly #takers: { resolve(r: IteratorResult<Batch>): void; reject(e: unknown): void }[] = [];
  #end: { readonly error: unknown } | 'quiet' | undefined;

  /** `onTaken` is called after a batch has been taken. */
  constructor(sizeMax: number, onTaken: () => void) {
    this.#sizeMax = sizeMax;
    this.#onTaken = onTaken;
  }

  get isFull(): boolean {
    return this.#size >= this.#sizeMax;
  }

  /** True when less than half of the room is taken: time to let the flow go on. */
  get isHalfEmpty(): boolean {
    return this.#size < this.#sizeMax / 2;
  }

  push(batch: Batch, size: number): void {
    if (this.#end !== undefined) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.resolve({ done: false, value: batch });
      return;
    }
    this.#batches.push({ batch, size });
    this.#size += size;
  }

  /** Puts others in the place of all that waits, when that is less. */
  replace(merge: (waiting: readonly Sized<Batch>[]) => readonly Sized<Batch>[]): void {
    const merged = merge(this.#batches.slice(this.#head));
    this.#clear();
    for (const { batch, size } of merged) {
      this.#batches.push({ batch, size });
      this.#size += size;
    }
  }

  /** Ends the queue with an error, once what it holds has been taken. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const taker of this.#takers.splice(0)) taker.reject(error);
  }

  /** Ends the queue with an error at once and forgets what it holds. */
  abandon(error: unknown): void {
    this.#clear();
    this.fail(error);
  }

  /** Ends the queue quietly and forgets what it holds. */
  finish(): void {
    if (this.#end === undefined) this.#end = 'quiet';
    this.#clear();
    for (const taker of this.#takers.splice(0)) taker.resolve({ done: true, value: undefined });
  }

  take(): Promise<IteratorResult<Batch>> {
    const next = this.#batches[this.#head];
    if (next !== undefined) {
      this.#size -= next.size;
      this.#head++;
      // Taken ones are dropped in blocks: shift() on a long array moves every element.
      if (this.#head === this.#batches.length) this.#clear();
      else if (this.#head >= 1024) this.#head -= this.#batches.splice(0, this.#head).length;
      this.#onTaken();
      return Promise.resolve({ done: false, value: next.batch });
    }
    if (this.#end === 'quiet') return Promise.resolve({ done: true, value: undefined });
    if (this.#end !== undefined) return Promise.reject(this.#end.error);
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  #clear(): void {
    this.#batches.length = 0;
    this.#head = 0;
    this.#size = 0;
  }
}
