import type { SimTime } from './sim-time.ts';

/** So many events inside members may follow each other before the rest of the process has its turn. */
const innerEventsMax = 200;
/** So many events at one moment of virtual time are no burst any more. */
const eventsAtOnceMax = 100_000;

/**
 * Runs the events of virtual time inside a real event loop. What needs no time happens by itself;
 * time passes only in {@link advance}. After each event every promise gets as far as it can before
 * the next event runs, so that code which awaits sees one order, whatever the machine's load.
 */
export class Pump {
  readonly #time: SimTime;
  /** Whether promises hang on what happens inside the members. */
  readonly #isBusy: () => boolean;
  #armed = false;
  /** Calls that let time pass, one after the other. */
  #moving: Promise<unknown> = Promise.resolve();
  #isMoving = false;
  #closed = false;

  constructor(time: SimTime, isBusy: () => boolean) {
    this.#time = time;
    this.#isBusy = isBusy;
    time.onDue = () => this.#arm();
  }

  /** Lets `ms` pass. @throws RangeError when that is no time. */
  advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) {
      throw new RangeError(`advance(${ms}): give milliseconds, 0 or more`);
    }
    return this.#move(async () => {
      await this.#moveTo(this.#time.now + ms, () => false);
    });
  }

  /**
   * Lets time pass until `isReached`, which is asked after every event.
   * @returns false when `maxMs` passed before that.
   */
  advanceUntil(isReached: () => boolean, maxMs: number): Promise<boolean> {
    return this.#move(() => this.#moveTo(this.#time.now + maxMs, isReached));
  }

  /** Nothing runs any more. */
  close(): void {
    this.#closed = true;
    this.#time.onDue = undefined;
  }

  async #move<Result>(move: () => Promise<Result>): Promise<Result> {
    const run = async (): Promise<Result> => {
      this.#isMoving = true;
      try {
        return await move();
      } finally {
        this.#isMoving = false;
        this.#arm();
      }
    };
    const moved = this.#moving.then(run);
    this.#moving = moved.catch(() => {});
    return moved;
  }

  async #moveTo(until: number, isReached: () => boolean): Promise<boolean> {
    const time = this.#time;
    let inARow = 0;
    let atOnce = 0;
    await settled();
    while (!isReached()) {
      if (this.#closed) throw new Error('the cluster is closed, so its time has ended');
      const { nextAt } = time;
      if (nextAt === undefined || nextAt > until) {
        time.moveTo(until);
        return false;
      }
      atOnce = nextAt > time.now ? 0 : atOnce + 1;
      if (atOnce > eventsAtOnceMax) throw new Error(standstill(time.now));
      time.step();
      inARow++;
      if (time.wasInner && inARow < innerEventsMax && !this.#isBusy()) continue;
      inARow = 0;
      await settled();
    }
    return true;
  }

  #arm(): void {
    if (this.#armed || this.#isMoving || this.#closed || !this.#isDue) return;
    this.#armed = true;
    setImmediate(this.#turn);
  }

  get #isDue(): boolean {
    const { nextAt, now } = this.#time;
    return nextAt !== undefined && nextAt <= now;
  }

  readonly #turn = (): void => {
    this.#armed = false;
    if (this.#isMoving || this.#closed || !this.#isDue) return;
    try {
      this.#time.step();
    } finally {
      this.#arm();
    }
  };
}

function standstill(now: number): string {
  return (
    `time cannot pass ${now} ms: more than ${eventsAtOnceMax} events have happened at that moment, so something ` +
    'works on and on without waiting. Calls take no time here: let a loop wait for cluster.clock, or give the cluster delays'
  );
}

/** Resolves when every promise that could go on has done so: the event loop has drained its microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
