import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Calendar } from '../records.ts';
import { composed, Schedule } from './schedule.ts';

/** The dumb one: looks at a clock on the wall in each minute of a few weeks, and at nothing else. */

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A few weeks around a change of the clock, or around two. */
const weeks = [
  { zone: 'Europe/Berlin', from: '2026-03-16', days: 21 },
  { zone: 'Europe/Berlin', from: '2026-10-18', days: 16 },
  { zone: 'America/New_York', from: '2026-02-26', days: 16 },
  { zone: 'America/New_York', from: '2026-10-24', days: 16 },
  { zone: 'Australia/Lord_Howe', from: '2026-03-28', days: 14 },
  { zone: 'Australia/Lord_Howe', from: '2026-09-26', days: 14 },
  { zone: 'Asia/Kathmandu', from: '2026-12-24', days: 14 },
].map(clockOf);

/** What the clock shows in each minute, as minutes since 1970 on it. */
interface Clock {
  readonly zone: string;
  readonly from: number;
  /** The most that it has shown up to a minute. */
  readonly reached: readonly number[];
  /** The least that it will show from a minute on. */
  readonly ahead: readonly number[];
}

function clockOf({ zone, from, days }: { zone: string; from: string; days: number }): Clock {
  const start = Date.parse(from);
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  const shown = Array.from({ length: days * 24 * 60 }, (_, minute) => {
    const text = format.format(start + minute * minuteMs);
    return Date.parse(`${text.replace(' ', 'T')}Z`) / minuteMs;
  });
  const runningMost = (list: readonly number[]): number[] => {
    let most = Number.NEGATIVE_INFINITY;
    return list.map((each) => {
      most = Math.max(most, each);
      return most;
    });
  };
  const reached = runningMost(shown);
  const backwards = runningMost(shown.toReversed().map((each) => -each));
  return { zone, from: start, reached, ahead: backwards.toReversed().map((each) => -each) };
}

/** A window as random numbers, from which both its text and its meaning are made. */
interface Sketch {
  readonly days: { readonly text: string; readonly has: (date: Date) => boolean };
  /** Minutes from midnight. */
  readonly from: number;
  readonly length: number;
}

const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function lengthOfMonth(date: Date): number {
  let day = new Date(date);
  while (day.getUTCMonth() === date.getUTCMonth()) day = new Date(day.getTime() + dayMs);
  return new Date(day.getTime() - dayMs).getUTCDate();
}

const weekday = fc.integer({ min: 0, max: 6 });
const days = fc.oneof(
  fc.constant({ text: 'daily', has: () => true }),
  weekday.map((day) => ({ text: `${names[day]}`, has: (date: Date) => date.getUTCDay() === day })),
  fc.tuple(weekday, fc.integer({ min: 0, max: 6 })).map(([first, more]) => ({
    text: `${names[first]}..${names[(first + more) % 7]}`,
    has: (date: Date) => (date.getUTCDay() - first + 7) % 7 <= more,
  })),
  fc.tuple(fc.integer({ min: 1, max: 4 }), weekday).map(([place, day]) => ({
    text: `${['1st', '2nd', '3rd', '4th'][place - 1]},last ${names[day]}`,
    has: (date: Date) => {
      if (date.getUTCDay() !== day) return false;
      const weeksBefore = Math.floor((date.getUTCDate() - 1) / 7);
      return weeksBefore === place - 1 || date.getUTCDate() + 7 > lengthOfMonth(date);
    },
  })),
  fc.integer({ min: 1, max: 31 }).map((day) => ({
    text: `day ${day},last`,
    has: (date: Date) => date.getUTCDate() === day || date.getUTCDate() === lengthOfMonth(date),
  })),
  fc.tuple(fc.integer({ min: 0, max: 330 }), fc.nat({ max: 9 })).map(([first, more]) => {
    const [from, to] = [first, first + more].map((day) =>
      new Date(Date.UTC(2026, 1, 1 + day)).toISOString().slice(0, 10),
    );
    return {
      text: more === 0 ? `${from}` : `${from}..${to}`,
      has: (date: Date) => {
        const text = date.toISOString().slice(0, 10);
        return `${from}` <= text && text <= `${to}`;
      },
    };
  }),
);

/** Often near the hours at which clocks change. */
const minuteOfDay = fc.oneof(
  fc.integer({ min: 0, max: 16 }).map((quarters) => quarters * 15),
  fc.integer({ min: 0, max: 24 * 60 - 1 }),
);
const sketch: fc.Arbitrary<Sketch> = fc.record({
  days,
  from: minuteOfDay,
  length: fc.oneof(fc.integer({ min: 1, max: 180 }), fc.integer({ min: 1, max: 24 * 60 - 1 })),
});

function textOf({ days: { text }, from, length }: Sketch): string {
  const time = (minute: number): string => {
    const parts = [Math.floor(minute / 60) % 24, minute % 60];
    return parts.map((part) => String(part).padStart(2, '0')).join(':');
  };
  const to = from + length;
  return `${text} ${time(from)}-${to === 24 * 60 ? '24:00' : time(to)}`;
}

/** Whether the clock has come to the beginning of such hours, and has yet to come to their end for the last time. */
function coversAt({ days: { has }, from, length }: Sketch, clock: Clock): boolean[] {
  const known = new Map<number, boolean>();
  const isDay = (day: number): boolean => {
    const isIt = known.get(day) ?? has(new Date(day * dayMs));
    known.set(day, isIt);
    return isIt;
  };
  return clock.reached.map((reached, minute) => {
    const ahead = clock.ahead[minute] ?? Number.NaN;
    const today = Math.floor(reached / (24 * 60));
    return [today - 2, today - 1, today, today + 1].some((day) => {
      const begin = day * 24 * 60 + from;
      return reached >= begin && ahead < begin + length && isDay(day);
    });
  });
}

interface Plan {
  readonly windows: readonly Sketch[];
  readonly blackouts: readonly Sketch[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  windows: fc.array(sketch, { maxLength: 3 }),
  blackouts: fc.array(sketch, { maxLength: 2 }),
});

function calendarOf({ windows, blackouts }: Plan, clock: Clock): Calendar {
  return {
    windows: windows.map(textOf),
    blackouts: blackouts.map(textOf),
    timeZone: clock.zone,
  };
}

interface Minute {
  readonly isOpen: boolean;
  readonly isBlackout: boolean;
}

function minutesOf({ windows, blackouts }: Plan, clock: Clock): Minute[] {
  const open = windows.map((each) => coversAt(each, clock));
  const dark = blackouts.map((each) => coversAt(each, clock));
  return clock.reached.map((_, minute) => {
    const isBlackout = dark.some((list) => list[minute]);
    const isWithin = open.length === 0 || open.some((list) => list[minute]);
    return { isOpen: isWithin && !isBlackout, isBlackout };
  });
}

/** Of each minute the next one at which it opens or closes; undefined if that is not within the minutes. */
function changesOf(minutes: readonly Minute[]): (number | undefined)[] {
  let change: number | undefined;
  const changes = minutes.map((_, backwards) => {
    const minute = minutes.length - 1 - backwards;
    const next = minutes[minute + 1];
    if (next !== undefined && next.isOpen !== minutes[minute]?.isOpen) change = minute + 1;
    return change;
  });
  return changes.toReversed();
}

/** Compares every answer with the minutes, but for those of the first and last days, which lack neighbours. */
function compare(schedule: Schedule, minutes: readonly Minute[], clock: Clock): void {
  const margin = 2 * 24 * 60;
  const known = minutes.slice(0, -margin);
  const changes = changesOf(known);
  for (const [minute, { isOpen, isBlackout }] of known.entries()) {
    if (minute < margin) continue;
    const at = clock.from + minute * minuteMs;
    const opening = schedule.at(at);
    const where = `${new Date(at).toISOString()} in ${clock.zone}`;
    assert.equal(opening.isOpen, isOpen, where);
    if (!opening.isOpen) assert.equal(opening.because === 'blackout', isBlackout, where);
    const said = opening.isOpen ? opening.until : opening.opensAt;
    const change = changes[minute];
    if (change !== undefined) assert.equal(said, clock.from + change * minuteMs, where);
    else assert.ok(said === undefined || said >= clock.from + known.length * minuteMs, where);
  }
}

const oneOfThem = fc.constantFrom(...weeks);

test('every answer is that of somebody who watches the clock on the wall for weeks', () => {
  fc.assert(
    fc.property(oneOfThem, plan, (clock, each) => {
      compare(Schedule.of(calendarOf(each, clock)), minutesOf(each, clock), clock);
    }),
    { numRuns: 80 },
  );
});

test('two schedules together are open in the minutes in which both are', () => {
  fc.assert(
    fc.property(oneOfThem, plan, plan, (clock, group, fleet) => {
      const fleetMinutes = minutesOf(fleet, clock);
      const minutes = minutesOf(group, clock).map(({ isOpen, isBlackout }, minute) => ({
        isOpen: isOpen && fleetMinutes[minute]?.isOpen === true,
        isBlackout: isBlackout || fleetMinutes[minute]?.isBlackout === true,
      }));
      const [first, second] = [group, fleet].map((each) => Schedule.of(calendarOf(each, clock)));
      assert.ok(first !== undefined && second !== undefined);
      compare(composed(first, second), minutes, clock);
    }),
    { numRuns: 30 },
  );
});

test('what was asked before changes no answer, whatever the order', () => {
  const moment = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) });
  fc.assert(
    fc.property(oneOfThem, plan, fc.array(moment, { maxLength: 30 }), (clock, each, moments) => {
      const calendar = calendarOf(each, clock);
      const old = Schedule.of(calendar);
      for (const at of moments) assert.deepEqual(old.at(at), Schedule.of(calendar).at(at));
    }),
    { numRuns: 100 },
  );
});
