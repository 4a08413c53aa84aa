import type { Calendar } from '../records.ts';
import { Coverage, Recurrence, type Span } from './coverage.ts';
import { readWindow } from './window.ts';
import { dayMs, Zone } from './zone-time.ts';

/** Whether reboots may begin at a moment. Milliseconds since 1970. */
export type Opening =
  | {
      readonly isOpen: true;
      /** When it closes; undefined if that is more than ten years ahead, or never. */
      readonly until: number | undefined;
    }
  | {
      readonly isOpen: false;
      /** A blackout holds, or, if none does, no window is open. */
      readonly because: 'window' | 'blackout';
      /** The blackout that ends last of those that hold, or the windows, as they were written. */
      readonly text: string;
      /** Undefined if that is more than ten years ahead, or never. */
      readonly opensAt: number | undefined;
    };

const yearMs = 365 * dayMs;
const aheadMs = 3_653 * dayMs;
const timeMsMax = Date.UTC(9_000, 0);

/** What a search for the next opening found: good from a moment until the opening it found ends. */
interface Finding {
  readonly from: number;
  readonly limit: number;
  readonly opening: Span | undefined;
}

/** Why it is closed: good from a moment until a window or blackout begins or ends. */
interface Closure {
  readonly span: Span;
  readonly because: 'window' | 'blackout';
  readonly text: string;
}

/**
 * When reboots may begin: always, or within any of the windows, but never within a blackout. Windows that overlap or
 * adjoin are one. An answer is kept for as long as it holds, so keep the schedule as long as its calendar.
 */
export class Schedule {
  /** Each of them must be open. None is always. */
  readonly #windows: readonly Coverage[];
  readonly #blackouts: Coverage;
  #finding: Finding | undefined;
  #closure: Closure | undefined;

  /** @throws {PolicyError} naming the window, blackout or zone that cannot be read, and what would be right. */
  static of({ windows = [], blackouts = [], timeZone = 'UTC' }: Calendar): Schedule {
    Zone.named(timeZone);
    const coverage = (texts: readonly string[], noun: string): Coverage =>
      new Coverage(texts.map((text) => new Recurrence(readWindow(text, noun), timeZone)));
    const within = windows.length === 0 ? [] : [coverage(windows, 'window')];
    return new Schedule(within, coverage(blackouts, 'blackout'));
  }

  /** Open when all of them are. */
  static composed(schedules: readonly Schedule[]): Schedule {
    return new Schedule(
      schedules.flatMap((schedule) => schedule.#windows),
      new Coverage(schedules.flatMap((schedule) => schedule.#blackouts.recurrences)),
    );
  }

  private constructor(windows: readonly Coverage[], blackouts: Coverage) {
    this.#windows = windows;
    this.#blackouts = blackouts;
  }

  /** @throws {RangeError} if it is not a time between the years 1970 and 9000. */
  at(now: number): Opening {
    if (!(now >= 0 && now <= timeMsMax)) {
      throw new RangeError(
        `${now} is not a time: it is milliseconds since 1970, up to the year 9000`,
      );
    }
    const opening = this.#openingAfter(now);
    const ahead = (at: number): number | undefined => (at < now + aheadMs ? at : undefined);
    if (opening !== undefined && opening.from <= now) {
      return { isOpen: true, until: ahead(opening.to) };
    }
    const { because, text } = this.#closureAt(now);
    return { isOpen: false, because, text, opensAt: opening && ahead(opening.from) };
  }

  /** Whether it is closed, and stays so for the next ten years at least. */
  neverOpens(now: number): boolean {
    const opening = this.at(now);
    return !opening.isOpen && opening.opensAt === undefined;
  }

  /** The first opening that ends after a moment; undefined if there is none for the next ten years. */
  #openingAfter(now: number): Span | undefined {
    const limit = limitFrom(now);
    const known = this.#finding;
    if (known !== undefined && known.limit === limit && known.from <= now) {
      if (known.opening === undefined || now < known.opening.to) return known.opening;
    }
    const opening = this.#search(now, limit);
    this.#finding = { from: now, limit, opening };
    return opening;
  }

  /** Leaps from one end of a window or blackout to the next until all agree. */
  #search(now: number, limit: number): Span | undefined {
    let from = now;
    while (from < limit) {
      let earliest = from;
      let to = Number.POSITIVE_INFINITY;
      for (const windows of this.#windows) {
        const stretch = windows.stretchAfter(earliest, limit);
        if (stretch === undefined) return undefined;
        earliest = Math.max(earliest, stretch.from);
        to = Math.min(to, stretch.to);
      }
      const blackout = this.#blackouts.stretchAfter(earliest, limit);
      if (blackout !== undefined && blackout.from <= earliest) earliest = blackout.to;
      else if (blackout !== undefined) to = Math.min(to, blackout.from);
      // If nothing has moved it, all are open. What moved it may have moved it past a window that came before.
      if (earliest === from) return { from, to };
      from = earliest;
    }
    return undefined;
  }

  #closureAt(now: number): Closure {
    const known = this.#closure;
    if (known !== undefined && known.span.from <= now && now < known.span.to) return known;
    const closure = this.#explain(now, limitFrom(now));
    this.#closure = closure;
    return closure;
  }

  #explain(now: number, limit: number): Closure {
    let to = limit;
    /** Whether it holds now; what it says next ends the explanation. */
    const holds = (span: Span | undefined): boolean => {
      if (span === undefined) return false;
      const isNow = span.from <= now;
      to = Math.min(to, isNow ? span.to : span.from);
      return isNow;
    };
    const closed = this.#windows.filter((windows) => !holds(windows.stretchAfter(now, limit)));
    const blackouts = this.#blackouts.recurrences.flatMap((recurrence) => {
      const span = recurrence.spanAfter(now, limit);
      return span !== undefined && holds(span) ? [{ text: recurrence.text, to: span.to }] : [];
    });
    const last = blackouts.toSorted((left, right) => right.to - left.to)[0];
    if (last !== undefined)
      return { span: { from: now, to }, because: 'blackout', text: last.text };
    const texts = closed.map(({ recurrences }) => recurrences.map(({ text }) => text).join(' or '));
    return { span: { from: now, to }, because: 'window', text: texts.join(', and ') };
  }
}

/**
 * Schedules taken together, as a group's and its fleet's: open when all of them are, closing with the first, and opening
 * at the earliest moment at which all are open. It keeps answers of its own, so keep it too.
 */
export function composed(...schedules: readonly Schedule[]): Schedule {
  return Schedule.composed(schedules);
}

/** Ten years ahead, and up to one more: the same for a year, so that what was found stays good. */
function limitFrom(now: number): number {
  return Math.ceil((now + aheadMs) / yearMs) * yearMs;
}
