import { PolicyError } from '../fault.ts';

/** What a clock on the wall shows, as the milliseconds since 1970 at which a clock in UTC shows the same. */
export type WallTime = number;

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** No zone is further from UTC than this, its date line moved or not. */
const offsetMsMax = 16 * hourMs;

/** Ten years of days, and room; beyond that all are forgotten. */
const offsetsMax = 8_000;

/** One for each name, so that their formatters and what they found out are shared. Names are few: only valid ones are kept. */
const zones = new Map<string, Zone>();

/**
 * The wall clock of a time zone. Where a clock is put forward, the times that it leaves out are all the moment after
 * the gap; where it is put back, the times that it shows twice have a first and a last moment.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  /** Offsets at midnight UTC by the day since 1970; asking `Intl` takes far longer than anything else here. */
  readonly #offsets = new Map<number, number>();

  /** @throws {PolicyError} if there is no zone of this name. */
  static named(name: string): Zone {
    const key = name.toLowerCase();
    const zone = zones.get(key) ?? new Zone(name);
    zones.set(key, zone);
    return zone;
  }

  private constructor(name: string) {
    const unknown = `${JSON.stringify(name)} is not a time zone: write an IANA name, as Europe/Berlin or UTC`;
    // Some engines also take offsets, as +02:00, and others do not: a policy must mean the same to all.
    if (!/^[A-Za-z]/.test(name)) throw new PolicyError(unknown);
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      throw new PolicyError(unknown);
    }
  }

  /** What the clock shows at a moment. */
  wallTimeAt(at: number): WallTime {
    return at + this.#offsetAt(at);
  }

  /** The moment at which the clock first shows this time, or would have. */
  firstAt(time: WallTime): number {
    return this.#momentsOf(time)[0];
  }

  /** The moment at which it last shows this time. */
  lastAt(time: WallTime): number {
    return this.#momentsOf(time)[1];
  }

  #momentsOf(time: WallTime): readonly [first: number, last: number] {
    const before = this.#offsetAt(time - offsetMsMax);
    const after = this.#offsetAt(time + offsetMsMax);
    if (before === after) return [time - before, time - before];
    const showsIt = (offset: number): boolean => this.#offsetAt(time - offset) === offset;
    if (showsIt(before)) return [time - before, time - (showsIt(after) ? after : before)];
    if (showsIt(after)) return [time - after, time - after];
    const change = this.#changeBetween(time - after, time - before);
    return [change, change];
  }

  /** The moment from which on the offset is another, between two that differ. */
  #changeBetween(from: number, to: number): number {
    const old = this.#offsetAt(from);
    let [low, high] = [from, to];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle) === old) low = middle;
      else high = middle;
    }
    return high;
  }

  /** A zone that changes twice within one day of UTC, and back, is unheard of. */
  #offsetAt(at: number): number {
    const day = Math.floor(at / dayMs);
    const offset = this.#offsetAtDay(day);
    return offset === this.#offsetAtDay(day + 1) ? offset : this.#ask(at);
  }

  #offsetAtDay(day: number): number {
    const known = this.#offsets.get(day);
    if (known !== undefined) return known;
    if (this.#offsets.size >= offsetsMax) this.#offsets.clear();
    const offset = this.#ask(day * dayMs);
    this.#offsets.set(day, offset);
    return offset;
  }

  #ask(at: number): number {
    const parts = this.#format.formatToParts(at);
    const part = (type: Intl.DateTimeFormatPartTypes): number =>
      Number(parts.find((each) => each.type === type)?.value);
    const [year, month, day] = [part('year'), part('month'), part('day')];
    const shown = Date.UTC(year, month - 1, day, part('hour'), part('minute'), part('second'));
    return shown - Math.floor(at / 1_000) * 1_000;
  }
}
