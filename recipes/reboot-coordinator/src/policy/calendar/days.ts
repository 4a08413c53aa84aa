import { dayMs, type WallTime } from './zone-time.ts';

/** A date, as the days since 1970-01-01. */
export type Day = number;

/** Counted from the front of a month, from 1, or its last one. */
export type Place = number | 'last';

/** Days of a calendar, whatever the zone. Weekdays are counted from 0, which is Sunday. */
export type Days =
  | { readonly every: 'week'; readonly weekdays: readonly number[] }
  /** Its first Monday, its last Friday. */
  | {
      readonly every: 'month';
      readonly weekdays: readonly number[];
      readonly places: readonly Place[];
    }
  /** Its first, its 15th, its last; one that a month does not have is left out. */
  | { readonly every: 'month'; readonly dates: readonly Place[] }
  /** These once, both included. */
  | { readonly first: Day; readonly last: Day };

export const weekdayNames = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
] as const;

export function dayOf(time: WallTime): Day {
  return Math.floor(time / dayMs);
}

/** The first of the days that is not before this one; undefined if there is none up to the last one. */
export function nextOf(days: Days, from: Day, last: Day): Day | undefined {
  if ('first' in days) {
    const day = Math.max(from, days.first);
    return day <= Math.min(last, days.last) ? day : undefined;
  }
  for (let day = from; day <= last; day++) if (has(days, day)) return day;
  return undefined;
}

function has(days: Exclude<Days, { readonly first: Day }>, day: Day): boolean {
  if ('weekdays' in days && !days.weekdays.includes(weekdayOf(day))) return false;
  if (days.every === 'week') return true;
  const { date, length } = inMonth(day);
  if ('dates' in days) {
    return days.dates.includes(date) || (date === length && days.dates.includes('last'));
  }
  const isLast = date + 7 > length;
  return days.places.includes(Math.ceil(date / 7)) || (isLast && days.places.includes('last'));
}

function weekdayOf(day: Day): number {
  // The first of January 1970 was a Thursday.
  return (((day + 4) % 7) + 7) % 7;
}

/** Which of its month the day is, and how many days that has. */
function inMonth(day: Day): { readonly date: number; readonly length: number } {
  const date = new Date(day * dayMs);
  const end = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0));
  return { date: date.getUTCDate(), length: end.getUTCDate() };
}
