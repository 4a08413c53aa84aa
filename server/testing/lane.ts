import type { SimTime } from './sim-time.ts';

/**
 * One direction of a client's connection. What is sent arrives whole, in order, after a delay. While
 * the lane is blocked it waits, as TCP would send it again, and arrives when the way is free.
 */
export class Lane<Item> {
  readonly #time: SimTime;
  readonly #delayMs: number;
  readonly #deliver: (item: Item) => void;
  readonly #arrived: Item[] = [];
  #isBlocked: () => boolean;

  constructor(
    time: SimTime,
    lane: { delayMs: number; isBlocked: () => boolean; deliver: (item: Item) => void },
  ) {
    this.#time = time;
    this.#delayMs = lane.delayMs;
    this.#isBlocked = lane.isBlocked;
    this.#deliver = lane.deliver;
  }

  send(item: Item): void {
    this.#time.after(this.#delayMs, () => {
      this.#arrived.push(item);
      this.flush();
    });
  }

  /** Delivers what waits, as far as the lane is free. */
  flush(): void {
    while (this.#arrived.length > 0 && !this.#isBlocked()) {
      // The length was just looked at.
      this.#deliver(this.#arrived.shift() as Item);
    }
  }

  /** Nothing more arrives. */
  close(): void {
    this.#isBlocked = () => true;
    this.#arrived.length = 0;
  }
}
