/** The newest of what one side says, for another that is slower: what it did not take in time, it never sees. */
export class Latest<Value> {
  readonly #isSame: (one: Value, other: Value) => boolean;
  #taken: { readonly value: Value } | undefined;
  #next: { readonly value: Value } | undefined;
  #end: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(isSame: (one: Value, other: Value) => boolean) {
    this.#isSame = isSame;
  }

  say(value: Value): void {
    // Back to what was taken last is nothing new.
    const isNews = this.#taken === undefined || !this.#isSame(this.#taken.value, value);
    this.#next = isNews ? { value } : undefined;
    if (isNews) this.#wake();
  }

  /** What waits is forgotten. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** Waits for what was not taken yet. One taker at a time. @throws what it failed with. */
  async take(): Promise<Value> {
    for (;;) {
      if (this.#end !== undefined) throw this.#end.error;
      if (this.#next !== undefined) {
        this.#taken = this.#next;
        this.#next = undefined;
        return this.#taken.value;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
