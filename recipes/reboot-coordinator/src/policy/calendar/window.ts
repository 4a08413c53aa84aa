import { PolicyError } from '../fault.ts';
import { type Day, type Days, type Place, weekdayNames } from './days.ts';
import { dayMs, hourMs, minuteMs, type WallTime, Zone } from './zone-time.ts';

/** Spans of time on a wall clock, as somebody wrote them. */
export interface Window {
  /** As it was written. */
  readonly text: string;
  /** Its own IANA zone, if it names one. */
  readonly timeZone?: string;
  readonly when: Hours | Period;
}

/** The same hours of several days. */
export interface Hours {
  readonly days: Days;
  /** Milliseconds from midnight of the day; beyond 24 hours if it ends on the next one. */
  readonly from: number;
  readonly to: number;
}

/** From one date and time to another. */
export interface Period {
  readonly from: WallTime;
  readonly to: WallTime;
}

const places = ['1st', '2nd', '3rd', '4th', '5th', 'last'];
const shortNames = weekdayNames.map((name) => name.slice(0, 3));
const weekdayList = [...shortNames.slice(1), shortNames[0]].join(', ');

/**
 * Reads a window or a blackout:
 *
 * | written                                  | is open                                                        |
 * | ---------------------------------------- | -------------------------------------------------------------- |
 * | `Mon..Fri 02:00-04:00`                   | on these days of each week; `Fri..Mon` goes round the weekend   |
 * | `Sat,Sun 22:00-06:00`                    | past midnight; the hours belong to the day on which they begin  |
 * | `daily 02:00-04:00`                      | each day                                                       |
 * | `Sun 00:00-24:00`                        | the whole day                                                  |
 * | `1st Sun 02:00-04:00`                    | on the first Sunday of each month                              |
 * | `2nd,last Tue 01:00-03:00`               | on the second and the last; a `5th` only in months that have it |
 * | `day 1,15 02:00-04:00`                   | on the 1st and the 15th; a `31` only in months that have it     |
 * | `day last 02:00-04:00`                   | on the last day of each month                                  |
 * | `2026-12-24 02:00-04:00`                 | once                                                           |
 * | `2026-12-20..2027-01-02 00:00-24:00`     | at these hours of each of these days, both included            |
 * | `2026-12-24 18:00 .. 2026-12-27 08:00`   | all the time between                                           |
 *
 * An IANA zone may follow: `Mon..Fri 02:00-04:00 Europe/Berlin`. Names of days may be whole (`Monday`) and in any case,
 * lists and ranges may be mixed (`Mon..Wed,Fri`), and ends are not part of what they end.
 *
 * All times are local to the zone. Where its clock is put forward, a time that it leaves out is the moment after the
 * gap, so that a window may be shorter that day, or left out if it lies in the gap. Where the clock is put back, a window
 * begins at the first of two equal times and ends at the last, so that it is never shorter than written, and a blackout
 * covers whatever the clock might mean.
 *
 * @throws {PolicyError} saying what cannot be read, and what would be right.
 */
export function parseWindow(text: string): Window {
  return readWindow(text, 'window');
}

/** The same; an error calls it by the noun. */
export function readWindow(text: string, noun: string): Window {
  try {
    return { text, ...read(text) };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new PolicyError(`${noun} ${JSON.stringify(text)}: ${error.message}`);
  }
}

function read(text: string): Omit<Window, 'text'> {
  // Windows come out of documents too, whose types nobody has checked.
  if (typeof text !== 'string') throw new PolicyError('is not a text');
  const words = text
    .trim()
    .replace(/\s*-\s*/g, '-')
    // What stands before the hours stays apart from them, also if it ends with a comma by mistake.
    .replace(/\s*(,|\.\.)\s*(?!\d+:)/g, '$1')
    .split(/\s+/);
  const hoursAt = words.findIndex((word) => word.includes(':'));
  if (hoursAt < 0) throw new PolicyError('has no hours; write, for example, Mon..Fri 02:00-04:00');
  const hours = words[hoursAt] ?? '';
  const isPeriod = /\.\.\d+-/.test(hours);
  const restAt = isPeriod ? hoursAt + 2 : hoursAt + 1;
  const [zone, ...others] = words.slice(restAt);
  if (zone !== undefined && others.length > 0) {
    const extra = JSON.stringify([zone, ...others].join(' '));
    throw new PolicyError(`${extra} is too much: only a time zone follows the hours`);
  }
  const when = isPeriod
    ? periodOf(words.slice(0, restAt))
    : hoursOf(words.slice(0, hoursAt), hours);
  if (zone === undefined) return { when };
  Zone.named(zone);
  return { timeZone: zone, when };
}

/** Of `2026-12-24 18:00..2026-12-27 08:00`. */
function periodOf(words: readonly string[]): Period {
  const parts = words.flatMap((word) => word.split('..'));
  const [firstDate, firstTime, lastDate, lastTime, ...others] = parts;
  if (!firstDate || !firstTime || !lastDate || !lastTime || others.length > 0) {
    throw new PolicyError('is no period; write 2026-12-24 18:00 .. 2026-12-27 08:00');
  }
  const from = dateOf(firstDate) * dayMs + timeOf(firstTime);
  const to = dateOf(lastDate) * dayMs + timeOf(lastTime);
  if (to < from) throw new PolicyError('ends before it begins');
  if (to === from) throw new PolicyError('is empty, as it ends when it begins');
  return { from, to };
}

function hoursOf(days: readonly string[], hours: string): Hours {
  const [begin, end, ...others] = hours.split('-');
  if (!begin || !end || others.length > 0) {
    throw new PolicyError(`${JSON.stringify(hours)} is no span of hours; write 02:00-04:00`);
  }
  const [from, to] = [timeOf(begin), timeOf(end)];
  if (from === dayMs) throw new PolicyError('begins at 24:00; write 00:00, of the day after');
  if (from === to) throw new PolicyError(`${hours} is empty; write 00:00-24:00 for whole days`);
  return { days: daysOf(days), from, to: to < from ? to + dayMs : to };
}

function timeOf(text: string): number {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const time = Number(hour) * hourMs + Number(minute) * minuteMs;
  if (!(time <= dayMs) || Number(minute) > 59) {
    throw new PolicyError(`${JSON.stringify(text)} is not a time; write 00:00 to 24:00`);
  }
  return time;
}

function daysOf(words: readonly string[]): Days {
  const [first, second, third] = words;
  if (first === undefined) {
    throw new PolicyError('has no days; write daily in front of the hours for each day');
  }
  if (third !== undefined) {
    throw new PolicyError(
      `${JSON.stringify(words.join(' '))} are no days; put commas between several, as Mon,Tue`,
    );
  }
  if (first.toLowerCase() === 'day') return { every: 'month', dates: datesOfMonth(second) };
  if (second !== undefined) {
    return { every: 'month', places: placesOf(first), weekdays: weekdaysOf(second) };
  }
  if (/^\d{4}-/.test(first)) return datesBetween(first);
  const weekdays = first.toLowerCase() === 'daily' ? [0, 1, 2, 3, 4, 5, 6] : weekdaysOf(first);
  return { every: 'week', weekdays };
}

function weekdaysOf(list: string): number[] {
  return list.split(',').flatMap((item) => {
    const [from, to] = endsOf(item, weekdayOf);
    return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, at) => (from + at) % 7);
  });
}

function weekdayOf(text: string): number {
  const name = text.toLowerCase();
  const isIt = (each: string): boolean => each.toLowerCase() === name;
  const weekday = Math.max(shortNames.findIndex(isIt), weekdayNames.findIndex(isIt));
  if (weekday >= 0) return weekday;
  throw new PolicyError(
    `${JSON.stringify(text)} is not a day; write one of ${weekdayList}, or daily, or day 1 for a date of each month`,
  );
}

function placesOf(list: string): Place[] {
  return list.split(',').map((text) => {
    const place = places.indexOf(text.toLowerCase());
    if (place >= 0) return place === 5 ? 'last' : place + 1;
    throw new PolicyError(
      `${JSON.stringify(text)} is none of ${places.join(', ')}, which may stand before a day; several days are written Mon,Tue`,
    );
  });
}

function datesOfMonth(list: string | undefined): Place[] {
  if (list === undefined)
    throw new PolicyError('lacks the date after day; write day 1 or day last');
  return list.split(',').flatMap((item): Place[] => {
    if (item.toLowerCase() === 'last') return ['last'];
    const [from, to] = endsOf(item, dateOfMonth);
    if (to < from) throw new PolicyError(`${item} ends before it begins`);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

function dateOfMonth(text: string): number {
  const date = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (date >= 1 && date <= 31) return date;
  throw new PolicyError(
    `${JSON.stringify(text)} is not a date of a month; write 1 to 31, or last alone`,
  );
}

function datesBetween(item: string): Days {
  const [first, last] = endsOf(item, dateOf);
  if (last < first) throw new PolicyError(`${item} ends before it begins`);
  return { first, last };
}

function dateOf(text: string): Day {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const at = Date.UTC(Number(year), Number(month) - 1, Number(date));
  // A date that does not exist comes back as another; years before 1970 are surely mistyped.
  if (at >= 0 && new Date(at).toISOString().startsWith(text)) return at / dayMs;
  throw new PolicyError(`${JSON.stringify(text)} is not a date; write it as 2026-12-24`);
}

/** Of `a..b`, or of `a` alone, which is both. */
function endsOf<T>(item: string, read: (text: string) => T): readonly [from: T, to: T] {
  const [from = '', to = from, ...others] = item.split('..');
  if (others.length === 0) return [read(from), read(to)];
  throw new PolicyError(`${JSON.stringify(item)} is no range; write two ends, as Mon..Fri`);
}
