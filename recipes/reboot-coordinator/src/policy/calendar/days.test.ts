import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Days, dayOf, nextOf } from './days.ts';

const day = (date: string): number => dayOf(Date.parse(date));

/** Those of the days that lie between two dates. */
function allOf(days: Days, from: string, to: string): string[] {
  const found: string[] = [];
  let next = nextOf(days, day(from), day(to));
  while (next !== undefined) {
    found.push(new Date(next * 86_400_000).toISOString().slice(0, 10));
    next = nextOf(days, next + 1, day(to));
  }
  return found;
}

test('a weekday comes each week, before 1970 too', () => {
  const sundays: Days = { every: 'week', weekdays: [0] };
  assert.deepEqual(allOf(sundays, '2026-03-01', '2026-03-20'), [
    '2026-03-01',
    '2026-03-08',
    '2026-03-15',
  ]);
  assert.deepEqual(allOf(sundays, '1969-12-25', '1970-01-05'), ['1969-12-28', '1970-01-04']);
});

test('the first Sunday is the first of the month that is one, and the last may be its fourth or fifth', () => {
  const ends: Days = { every: 'month', weekdays: [0], places: [1, 'last'] };
  assert.deepEqual(allOf(ends, '2026-02-01', '2026-03-31'), [
    '2026-02-01',
    '2026-02-22',
    '2026-03-01',
    '2026-03-29',
  ]);
});

test('a fifth weekday is left out where a month has four', () => {
  const fifth: Days = { every: 'month', weekdays: [0], places: [5] };
  assert.deepEqual(allOf(fifth, '2026-01-01', '2026-05-31'), ['2026-03-29', '2026-05-31']);
});

test('the 31st is left out where a month has none, and the last day is whichever it is', () => {
  const last: Days = { every: 'month', dates: ['last'] };
  const at31: Days = { every: 'month', dates: [31] };
  assert.deepEqual(allOf(at31, '2026-01-01', '2026-05-30'), ['2026-01-31', '2026-03-31']);
  assert.deepEqual(allOf(last, '2026-02-01', '2026-04-30'), [
    '2026-02-28',
    '2026-03-31',
    '2026-04-30',
  ]);
  assert.deepEqual(allOf(last, '2028-02-01', '2028-03-01'), ['2028-02-29']);
});

test('dates that come once come once', () => {
  const once: Days = { first: day('2026-12-30'), last: day('2027-01-02') };
  assert.deepEqual(allOf(once, '2026-01-01', '2026-12-31'), ['2026-12-30', '2026-12-31']);
  assert.deepEqual(allOf(once, '2027-01-02', '2028-01-01'), ['2027-01-02']);
  assert.deepEqual(allOf(once, '2027-01-03', '2028-01-01'), []);
});
