import { dayOf, nextOf } from './days.ts';
import type { Window } from './window.ts';
import { dayMs, Zone } from './zone-time.ts';

/** From one moment to another, which is no more part of it. Milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A window in its zone. */
export class Recurrence {
  readonly text: string;
  readonly #when: Window['when'];
  readonly #zone: Zone;

  constructor(window: Window, timeZone: string) {
    this.text = window.text;
    this.#when = window.when;
    this.#zone = Zone.named(window.timeZone ?? timeZone);
  }

  /** The first of its spans that ends after a moment; undefined if none begins before the limit. */
  spanAfter(at: number, limit: number): Span | undefined {
    const when = this.#when;
    if (!('days' in when)) return this.#spanIf(at, when.from, when.to);
    // Hours may end a day after they began, and where clocks change even later.
    const from = dayOf(this.#zone.wallTimeAt(at)) - 2;
    const last = dayOf(this.#zone.wallTimeAt(limit)) + 1;
    let day = nextOf(when.days, from, last);
    while (day !== undefined) {
      const span = this.#spanIf(at, day * dayMs + when.from, day * dayMs + when.to);
      if (span !== undefined) return span;
      day = nextOf(when.days, day + 1, last);
    }
    return undefined;
  }

  #spanIf(endsAfter: number, begin: number, end: number): Span | undefined {
    const to = this.#zone.lastAt(end);
    if (to <= endsAfter) return undefined;
    const from = this.#zone.firstAt(begin);
    return from < to ? { from, to } : undefined;
  }
}

/** What was found when looking ahead from a moment up to a limit: good until the stretch ends. */
interface Answer {
  readonly at: number;
  readonly limit: number;
  readonly stretch: Span | undefined;
}

/** Windows taken together: what they cover is one stretch wherever they overlap or adjoin. */
export class Coverage {
  readonly recurrences: readonly Recurrence[];
  #last: Answer | undefined;

  constructor(recurrences: readonly Recurrence[]) {
    this.recurrences = recurrences;
  }

  /**
   * The first stretch that ends after a moment; undefined if none begins before the limit. It begins at that moment at
   * the latest, or is whole; one that reaches the limit may go on beyond its end.
   */
  stretchAfter(at: number, limit: number): Span | undefined {
    const { stretch } = this.#known(at, limit) ?? this.#look(at, limit);
    return stretch !== undefined && stretch.from < limit ? stretch : undefined;
  }

  #known(at: number, limit: number): Answer | undefined {
    const last = this.#last;
    if (last === undefined || at < last.at) return undefined;
    const { stretch } = last;
    if (stretch === undefined) return limit <= last.limit ? last : undefined;
    const isWhole = stretch.to < last.limit || limit <= stretch.to;
    return isWhole && at < stretch.to ? last : undefined;
  }

  #look(at: number, limit: number): Answer {
    const spans = this.#spansAfter(at, limit);
    const from = Math.min(...spans.map((span) => span.from));
    const first = spans.find((span) => span.from === from);
    const stretch = first && { from, to: this.#endOf(first.to, limit) };
    this.#last = { at, limit, stretch };
    return this.#last;
  }

  /** Where what covers up to a moment ends, through whatever overlaps or adjoins it. */
  #endOf(to: number, limit: number): number {
    let end = to;
    while (end < limit) {
      const next = this.#spansAfter(end, limit).filter(({ from }) => from <= end);
      if (next.length === 0) return end;
      end = Math.max(...next.map((span) => span.to));
    }
    return end;
  }

  #spansAfter(at: number, limit: number): Span[] {
    return this.recurrences.flatMap((recurrence) => recurrence.spanAfter(at, limit) ?? []);
  }
}
