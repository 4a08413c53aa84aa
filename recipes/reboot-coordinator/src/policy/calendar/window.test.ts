import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWindow } from './window.ts';

const hourMs = 3_600_000;
const day = (date: string): number => Date.parse(date) / (24 * hourMs);
const weekdaysOf = (text: string): readonly number[] => {
  const { when } = parseWindow(`${text} 02:00-04:00`);
  assert.ok('days' in when && 'weekdays' in when.days, text);
  return when.days.weekdays;
};

test('weekdays are read as lists and ranges, in any case, and round the weekend', () => {
  assert.deepEqual(weekdaysOf('Mon..Fri'), [1, 2, 3, 4, 5]);
  assert.deepEqual(weekdaysOf('Sat,Sun'), [6, 0]);
  assert.deepEqual(weekdaysOf('Fri..Mon'), [5, 6, 0, 1]);
  assert.deepEqual(weekdaysOf('mon .. wednesday, FRI'), [1, 2, 3, 5]);
  assert.deepEqual(weekdaysOf('Tue..Tue'), [2]);
  assert.deepEqual(weekdaysOf('daily'), [0, 1, 2, 3, 4, 5, 6]);
});

test('hours are of the day on which they begin, and may end on the next', () => {
  const hoursOf = (text: string): number[] => {
    const { when } = parseWindow(`Sun ${text}`);
    return [when.from / hourMs, when.to / hourMs];
  };
  assert.deepEqual(hoursOf('02:30-04:00'), [2.5, 4]);
  assert.deepEqual(hoursOf('22:00 - 06:00'), [22, 30]);
  assert.deepEqual(hoursOf('00:00-24:00'), [0, 24]);
  assert.deepEqual(hoursOf('22:00-00:00'), [22, 24]);
  assert.deepEqual(hoursOf('22:00-24:00'), [22, 24]);
});

test('days of a month are read by ordinal and by date', () => {
  const daysOf = (text: string): unknown => {
    const { when } = parseWindow(`${text} 02:00-04:00`);
    return 'days' in when && when.days;
  };
  assert.deepEqual(daysOf('1st Sun'), { every: 'month', places: [1], weekdays: [0] });
  const tuesdays = { every: 'month', places: [2, 'last'], weekdays: [2] };
  assert.deepEqual(daysOf('2nd,last Tue'), tuesdays);
  assert.deepEqual(daysOf('day 1,15'), { every: 'month', dates: [1, 15] });
  assert.deepEqual(daysOf('day 1..3,last'), { every: 'month', dates: [1, 2, 3, 'last'] });
  const holidays = { first: day('2026-12-20'), last: day('2027-01-02') };
  assert.deepEqual(daysOf('2026-12-20..2027-01-02'), holidays);
  assert.deepEqual(daysOf('2028-02-29'), { first: day('2028-02-29'), last: day('2028-02-29') });
});

test('a period is read with its exact ends, whatever the spaces', () => {
  const when = { from: Date.UTC(2026, 11, 24, 18), to: Date.UTC(2026, 11, 27, 8) };
  for (const text of [
    '2026-12-24 18:00 .. 2026-12-27 08:00',
    '  2026-12-24  18:00..2026-12-27 08:00 ',
  ]) {
    assert.deepEqual(parseWindow(text), { text, when });
  }
});

test('a zone may follow, and the text is kept as written', () => {
  const text = 'Mon..Fri  02:00-04:00 Europe/Berlin';
  const window = parseWindow(text);
  assert.equal(window.text, text);
  assert.equal(window.timeZone, 'Europe/Berlin');
  const period = parseWindow('2026-12-24 18:00 .. 2026-12-27 08:00 America/New_York');
  assert.equal(period.timeZone, 'America/New_York');
  assert.ok(!('timeZone' in parseWindow('daily 02:00-04:00')));
});

test('what cannot be read is refused with what is wrong and what would be right', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /has no hours; write, for example, Mon\.\.Fri 02:00-04:00/],
    ['Sunday', /has no hours/],
    ['02:00-04:00', /has no days; write daily/],
    ['Xyz 02:00-04:00', /"Xyz" is not a day; write one of Mon, Tue, Wed, Thu, Fri, Sat, Sun, or/],
    ['Mo 02:00-04:00', /"Mo" is not a day/],
    ['Mon..Xyz 02:00-04:00', /"Xyz" is not a day/],
    ['Mon..Wed..Fri 02:00-04:00', /"Mon\.\.Wed\.\.Fri" is no range; write two ends/],
    ['Mon, 02:00-04:00', /"" is not a day/],
    ['Mon,,Tue 02:00-04:00', /"" is not a day/],
    ['Mon.. 02:00-04:00', /"" is not a day/],
    ['Mon .. 02:00-04:00', /"" is not a day/],
    ['1st, Sun 02:00-04:00', /"1st" is not a day/],
    ['daily 02:00 .. 04:00', /"02:00\.\." is no span of hours; write 02:00-04:00/],
    ['Mon-Fri 02:00-04:00', /"Mon-Fri" is not a day/],
    ['Mon Tue 02:00-04:00', /"Mon" is none of 1st, .*several days are written Mon,Tue/],
    ['Mon Tue Wed 02:00-04:00', /"Mon Tue Wed" are no days; put commas/],
    ['1st 02:00-04:00', /"1st" is not a day; .*day 1 for a date of each month/],
    ['6th Sun 02:00-04:00', /"6th" is none of 1st, 2nd, 3rd, 4th, 5th, last/],
    ['1th Sun 02:00-04:00', /"1th" is none of/],
    ['day 02:00-04:00', /lacks the date after day; write day 1 or day last/],
    ['day 0 02:00-04:00', /"0" is not a date of a month; write 1 to 31/],
    ['day 32 02:00-04:00', /"32" is not a date of a month/],
    ['day 1.5 02:00-04:00', /"1\.5" is not a date of a month/],
    ['day 20..10 02:00-04:00', /20\.\.10 ends before it begins/],
    ['daily 25:00-26:00', /"25:00" is not a time; write 00:00 to 24:00/],
    ['daily 02:00-24:01', /"24:01" is not a time/],
    ['daily 02:60-04:00', /"02:60" is not a time/],
    ['daily 2:0-04:00', /"2:0" is not a time/],
    ['daily 02:00:00-04:00', /"02:00:00" is not a time/],
    ['daily 02:00', /"02:00" is no span of hours; write 02:00-04:00/],
    ['daily 02:00-', /"02:00-" is no span of hours/],
    ['daily 02:00..04:00', /"02:00\.\.04:00" is no span of hours/],
    ['daily 24:00-02:00', /begins at 24:00; write 00:00/],
    ['daily 02:00-02:00', /02:00-02:00 is empty; write 00:00-24:00 for whole days/],
    ['daily 02:00-04:00 Mars/Phobos', /"Mars\/Phobos" is not a time zone: write an IANA name/],
    ['daily 02:00-04:00 +02:00', /"\+02:00" is not a time zone/],
    ['daily 02:00-04:00 UTC please', /"UTC please" is too much: only a time zone follows/],
    ['2026-02-30 02:00-04:00', /"2026-02-30" is not a date; write it as 2026-12-24/],
    ['2026-13-01 02:00-04:00', /"2026-13-01" is not a date/],
    ['2026-1-1 02:00-04:00', /"2026-1-1" is not a date/],
    ['1926-01-01 02:00-04:00', /"1926-01-01" is not a date/],
    ['2027-01-02..2026-12-20 00:00-24:00', /2027-01-02\.\.2026-12-20 ends before it begins/],
    ['2026-12-24 18:00 .. 2026-12-24 08:00', /ends before it begins/],
    ['2026-12-24 18:00 .. 2026-12-24 18:00', /is empty, as it ends when it begins/],
    ['2026-12-24 18:00 .. 2026-12-27', /is no period; write 2026-12-24 18:00 \.\. 2026/],
    ['Mon 18:00 .. 2026-12-27 08:00', /"Mon" is not a date/],
    ['2026-12-24 18:00 .. 2026-12-27 08:00 UTC x', /"UTC x" is too much/],
  ];
  for (const [text, message] of bad) {
    assert.throws(() => parseWindow(text), { name: 'PolicyError', message }, text);
    assert.throws(
      () => parseWindow(text),
      ({ message: said }: Error) => said.startsWith(`window ${JSON.stringify(text)}: `),
    );
  }
});

test('what is no text is refused', () => {
  const stored: { readonly text: string } = JSON.parse('{"text":7}');
  assert.throws(() => parseWindow(stored.text), { name: 'PolicyError', message: /is not a text/ });
});
