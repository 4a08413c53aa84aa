import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyError } from '../fault.ts';
import type { Calendar } from '../records.ts';
import { composed, type Opening, Schedule } from './schedule.ts';

/** 2026-03-29 is a Sunday. Times without a zone are UTC. */
const ms = (time: string): number => Date.parse(`${time}Z`);

/** `open until`, or `window`, `blackout` and when it opens, in UTC. */
function show(opening: Opening): string {
  const time = (at: number | undefined): string =>
    at === undefined ? 'never' : new Date(at).toISOString().slice(0, 16);
  if (opening.isOpen) return `open until ${time(opening.until)}`;
  return `${opening.because} until ${time(opening.opensAt)}`;
}

function answers(calendar: Calendar | Schedule, ...times: readonly string[]): string[] {
  const schedule = calendar instanceof Schedule ? calendar : Schedule.of(calendar);
  return times.map((time) => show(schedule.at(ms(time))));
}

/** What it is open for, from one time to another, as it says itself. */
function openings(calendar: Calendar, from: string, to: string): string[] {
  const schedule = Schedule.of(calendar);
  const found: string[] = [];
  for (let at: number | undefined = ms(from); at !== undefined && at < ms(to); ) {
    const opening = schedule.at(at);
    const next: number | undefined = opening.isOpen ? opening.until : opening.opensAt;
    if (opening.isOpen) {
      const ends = [at, next ?? Number.NaN];
      found.push(ends.map((each) => new Date(each).toISOString().slice(5, 16)).join(' '));
    }
    at = next;
  }
  return found;
}

test('without windows it is always open, but for its blackouts', () => {
  assert.deepEqual(answers({}, '2026-03-29T00:00'), ['open until never']);
  assert.deepEqual(answers({ windows: [], blackouts: [] }, '2026-03-29T00:00'), [
    'open until never',
  ]);
  const blackouts = ['2026-12-20..2027-01-02 00:00-24:00'];
  assert.deepEqual(
    answers({ blackouts }, '2026-12-19T23:59', '2026-12-20T00:00', '2027-01-03T00:00'),
    ['open until 2026-12-20T00:00', 'blackout until 2027-01-03T00:00', 'open until never'],
  );
});

test('a window is open from its first moment, and closed from its end', () => {
  const times = ['2026-03-30T01:59:59.999', '2026-03-30T02:00', '2026-03-30T03:59:59.999'];
  assert.deepEqual(answers({ windows: ['Mon 02:00-04:00'] }, ...times, '2026-03-30T04:00'), [
    'window until 2026-03-30T02:00',
    'open until 2026-03-30T04:00',
    'open until 2026-03-30T04:00',
    'window until 2026-04-06T02:00',
  ]);
});

test('hours may go over midnight and over the end of the week', () => {
  const windows = ['Sat,Sun 22:00-06:00'];
  assert.deepEqual(openings({ windows }, '2026-03-27T12:00', '2026-04-03T12:00'), [
    '03-28T22:00 03-29T06:00',
    '03-29T22:00 03-30T06:00',
  ]);
  assert.deepEqual(answers({ windows }, '2026-03-30T05:59'), ['open until 2026-03-30T06:00']);
});

test('windows that overlap or adjoin are one', () => {
  const windows = ['Mon 02:00-04:00', 'Mon 04:00-05:00', 'Mon 04:30-07:00', 'Mon 03:00-03:30'];
  assert.deepEqual(answers({ windows }, '2026-03-30T02:30'), ['open until 2026-03-30T07:00']);
  assert.deepEqual(answers({ windows: ['Fri..Sun 00:00-24:00'] }, '2026-03-27T00:00'), [
    'open until 2026-03-30T00:00',
  ]);
  assert.deepEqual(answers({ windows: ['daily 00:00-24:00'] }, '2026-03-27T00:00'), [
    'open until never',
  ]);
});

test('a blackout cuts a window in two', () => {
  const calendar = { windows: ['daily 00:00-06:00'], blackouts: ['Mon 02:00-03:00'] };
  assert.deepEqual(openings(calendar, '2026-03-29T12:00', '2026-03-31T12:00'), [
    '03-30T00:00 03-30T02:00',
    '03-30T03:00 03-30T06:00',
    '03-31T00:00 03-31T06:00',
  ]);
  assert.deepEqual(answers(calendar, '2026-03-30T01:00', '2026-03-30T02:00'), [
    'open until 2026-03-30T02:00',
    'blackout until 2026-03-30T03:00',
  ]);
});

test('while closed it says which blackout, or which windows, and that changes with them', () => {
  const [monday, long] = ['Mon 00:00-12:00', '2026-03-30 06:00 .. 2026-03-31 06:00'];
  const windows = ['Mon 02:00-04:00', 'Tue 02:00-08:00'];
  const schedule = Schedule.of({ windows, blackouts: [monday, long] });
  const texts = ['29T23:00', '30T01:00', '30T06:00', '30T23:00', '31T02:00', '31T09:00'];
  const said = texts.map((time) => {
    const opening = schedule.at(ms(`2026-03-${time}`));
    assert.ok(!opening.isOpen);
    return opening.text;
  });
  const closed = 'Mon 02:00-04:00 or Tue 02:00-08:00';
  assert.deepEqual(said, [closed, monday, long, long, long, closed]);
  assert.deepEqual(answers(schedule, '2026-03-30T01:00'), ['blackout until 2026-03-31T06:00']);
});

test('where the clock is put forward, a window may be shorter, or left out', () => {
  const berlin = { windows: ['daily 01:30-04:00', 'daily 02:15-02:45'], timeZone: 'Europe/Berlin' };
  assert.deepEqual(openings(berlin, '2026-03-28T12:00', '2026-03-29T12:00'), [
    '03-29T00:30 03-29T02:00',
  ]);
  const inGap = { windows: ['daily 02:15-02:45'], timeZone: 'Europe/Berlin' };
  assert.deepEqual(openings(inGap, '2026-03-28T00:00', '2026-03-30T12:00'), [
    '03-28T01:15 03-28T01:45',
    '03-30T00:15 03-30T00:45',
  ]);
  const howe = { windows: ['Sun 01:00-03:00 Australia/Lord_Howe'] };
  assert.deepEqual(openings(howe, '2026-10-03T00:00', '2026-10-04T00:00'), [
    '10-03T14:30 10-03T16:00',
  ]);
});

test('where the clock is put back, a window goes from the first of two equal times to the last', () => {
  const berlin = { windows: ['Sun 02:00-03:00', 'Sun 22:00-23:00'], timeZone: 'Europe/Berlin' };
  assert.deepEqual(openings(berlin, '2026-10-24T12:00', '2026-10-25T23:00'), [
    '10-25T00:00 10-25T02:00',
    '10-25T21:00 10-25T22:00',
  ]);
  const york = { windows: ['Sun 01:15-01:45'], timeZone: 'America/New_York' };
  assert.deepEqual(openings(york, '2026-11-01T00:00', '2026-11-02T00:00'), [
    '11-01T05:15 11-01T06:45',
  ]);
  const howe = { windows: ['Sun 01:00-03:00 Australia/Lord_Howe'] };
  assert.deepEqual(openings(howe, '2026-04-04T00:00', '2026-04-05T00:00'), [
    '04-04T14:00 04-04T16:30',
  ]);
});

test('a zone of its own goes before that of the calendar, and both before UTC', () => {
  const windows = ['Mon 02:00-03:00', 'Mon 02:00-03:00 America/New_York'];
  const calendar = { windows, timeZone: 'Asia/Tokyo' };
  assert.deepEqual(openings(calendar, '2026-07-05T00:00', '2026-07-07T00:00'), [
    '07-05T17:00 07-05T18:00',
    '07-06T06:00 07-06T07:00',
  ]);
});

test('days of a month are found months ahead, and short months have no 31st', () => {
  assert.deepEqual(
    openings({ windows: ['day 31 02:00-04:00'] }, '2026-02-01T00:00', '2026-06-01T00:00'),
    ['03-31T02:00 03-31T04:00', '05-31T02:00 05-31T04:00'],
  );
  const ends = { windows: ['1st,last Sun 23:00-01:00'] };
  assert.deepEqual(openings(ends, '2026-02-02T12:00', '2026-03-30T12:00'), [
    '02-22T23:00 02-23T01:00',
    '03-01T23:00 03-02T01:00',
    '03-29T23:00 03-30T01:00',
  ]);
});

test('a window years ahead is known, and one beyond ten years is not awaited', () => {
  const windows = ['2034-05-01 02:00-04:00'];
  assert.deepEqual(
    answers({ windows }, '2026-03-29T00:00', '2034-05-01T03:00', '2034-05-01T04:00'),
    ['window until 2034-05-01T02:00', 'open until 2034-05-01T04:00', 'window until never'],
  );
  // The answer does not depend on what was asked before.
  const late = Schedule.of({ windows: ['2036-04-30 00:00-24:00'] });
  assert.deepEqual(answers(late, '2026-03-29T00:00', '2026-05-10T00:00', '2026-03-29T00:00'), [
    'window until never',
    'window until 2036-04-30T00:00',
    'window until never',
  ]);
});

test('what is open or closed for ever stays so as the years go by, and what was too far ahead comes nearer', () => {
  const years = ['2026-03-29T00:00', '2028-03-29T00:00', '2034-03-29T00:00'];
  const whole = ['daily 00:00-12:00', 'daily 12:00-24:00'];
  const open = years.map(() => 'open until never');
  assert.deepEqual(answers({ windows: whole }, ...years), open);
  const far = { windows: ['2039-05-01 02:00-04:00'] };
  assert.deepEqual(answers(far, '2026-03-29T00:00', '2030-03-29T00:00'), [
    'window until never',
    'window until 2039-05-01T02:00',
  ]);
  const closed = years.map(() => 'blackout until never');
  assert.deepEqual(answers({ blackouts: whole }, ...years), closed);
});

test('what never opens says so', () => {
  const now = ms('2026-03-29T00:00');
  const never = (calendar: Calendar): boolean => Schedule.of(calendar).neverOpens(now);
  assert.ok(never({ windows: ['2026-01-01..2026-02-28 02:00-04:00'] }), 'is past');
  assert.ok(never({ windows: ['Mon 02:00-04:00'], blackouts: ['Mon 00:00-12:00'] }), 'is covered');
  assert.ok(never({ blackouts: ['daily 00:00-24:00'] }), 'nothing is left');
  assert.ok(never({ blackouts: ['daily 00:00-12:00', 'daily 12:00-24:00'] }), 'both halves');
  assert.ok(never({ blackouts: ['2020-01-01..2999-12-31 00:00-24:00'] }), 'for ages');
  assert.ok(never({ windows: ['2026-03-29 02:15-02:45 Europe/Berlin'] }), 'is in the gap');
  assert.ok(!never({ windows: ['Mon 02:00-04:00'], blackouts: ['Mon 00:00-03:59'] }), 'a minute');
  assert.ok(!never({ windows: ['Sun 00:00-01:00'] }), 'is open now');
  assert.ok(!never({}));
});

test('of two schedules both must be open: it closes with the first and opens when they agree', () => {
  const group = Schedule.of({ windows: ['Mon..Fri 02:00-06:00'], timeZone: 'Europe/Berlin' });
  const fleet = Schedule.of({
    windows: ['Wed,Sat 00:00-03:00'],
    blackouts: ['2026-07-01 00:00-24:00'],
  });
  const both = composed(group, fleet);
  assert.deepEqual(answers(both, '2026-06-24T01:00', '2026-06-24T03:30', '2026-07-01T01:00'), [
    'open until 2026-06-24T03:00',
    'window until 2026-07-08T00:00',
    'blackout until 2026-07-08T00:00',
  ]);
  assert.deepEqual(answers(composed(group), '2026-06-24T01:00'), ['open until 2026-06-24T04:00']);
  assert.deepEqual(answers(composed(), '2026-06-24T01:00'), ['open until never']);
});

test('of two schedules it names the one that is closed, or both', () => {
  const group = Schedule.of({ windows: ['Mon 02:00-04:00'] });
  const fleet = Schedule.of({ windows: ['Mon 03:00-06:00', 'Tue 03:00-06:00'] });
  const both = composed(group, fleet);
  const texts = ['00:00', '02:30', '03:00', '05:00'].map((time) => {
    const opening = both.at(ms(`2026-03-30T${time}`));
    return opening.isOpen ? 'open' : opening.text;
  });
  const [mine, theirs] = ['Mon 02:00-04:00', 'Mon 03:00-06:00 or Tue 03:00-06:00'];
  assert.deepEqual(texts, [`${mine}, and ${theirs}`, theirs, 'open', mine]);
});

test('two schedules that never agree never open', () => {
  const odd = Schedule.of({ windows: ['Mon 02:00-04:00'] });
  const even = Schedule.of({ windows: ['Tue 02:00-04:00'] });
  assert.ok(composed(odd, even).neverOpens(ms('2026-03-29T00:00')));
});

test('what cannot be read is named', () => {
  const bad: readonly (readonly [Calendar, string])[] = [
    [{ windows: ['Mon 02:00-04:00', 'Mon 25:00-26:00'] }, 'window "Mon 25:00-26:00": "25:00"'],
    [{ blackouts: ['Xyz 00:00-24:00'] }, 'blackout "Xyz 00:00-24:00": "Xyz" is not a day'],
    [{ timeZone: 'Mars/Phobos' }, '"Mars/Phobos" is not a time zone'],
    [{ windows: ['daily 02:00-04:00 Nowhere'] }, '"Nowhere" is not a time zone'],
  ];
  for (const [calendar, message] of bad) {
    assert.throws(
      () => Schedule.of(calendar),
      (error) => error instanceof PolicyError && error.message.includes(message),
      message,
    );
  }
});

test('what is not a time is refused', () => {
  const schedule = Schedule.of({ windows: ['daily 02:00-04:00'] });
  for (const now of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e15]) {
    assert.throws(() => schedule.at(now), { name: 'RangeError', message: /is not a time/ });
  }
});

test('a year of questions, one a minute, asks Intl a few times a day at most', (t) => {
  const asked = t.mock.method(Intl.DateTimeFormat.prototype, 'formatToParts');
  const windows = ['Mon..Fri 02:00-04:00', '1st Sun 00:00-24:00'];
  const schedule = Schedule.of({
    windows,
    blackouts: ['daily 03:00-03:10'],
    timeZone: 'Asia/Gaza',
  });
  for (let at = ms('2027-01-01T00:00'); at < ms('2028-01-01T00:00'); at += 60_000) schedule.at(at);
  const calls = asked.mock.callCount();
  assert.ok(calls > 100 && calls < 2_000, `${calls} calls`);
});
