import type { ByteString } from '@lockstep/client/protocol';

export interface LoggedEvent {
  readonly type: 'put' | 'delete';
  readonly key: ByteString;
  readonly revision: number;
  /** True for a put that made the key. */
  readonly isNew: boolean;
  /** The beginning of the value; the whole of it would be too much to keep. */
  readonly preview: string;
  readonly at: Date;
}

/** The newest events, newest first, up to a bound. While it is paused it counts and shows no more. */
export class EventLog {
  readonly #max: number;
  #events: LoggedEvent[] = [];
  #missed: LoggedEvent[] = [];
  #missedCount = 0;
  #isPaused = false;

  constructor(max: number) {
    this.#max = max;
  }

  get events(): readonly LoggedEvent[] {
    return this.#events;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** How many came since it was paused. */
  get missedCount(): number {
    return this.#missedCount;
  }

  add(event: LoggedEvent): void {
    if (!this.#isPaused) {
      this.#events = [event, ...this.#events].slice(0, this.#max);
      return;
    }
    this.#missedCount++;
    this.#missed = [event, ...this.#missed].slice(0, this.#max);
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on, with what came meanwhile. */
  resume(): void {
    this.#isPaused = false;
    this.#events = [...this.#missed, ...this.#events].slice(0, this.#max);
    this.#missed = [];
    this.#missedCount = 0;
  }

  clear(): void {
    this.#events = [];
    this.#missed = [];
    this.#missedCount = 0;
  }
}
