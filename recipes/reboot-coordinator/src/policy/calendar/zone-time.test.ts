import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PolicyError } from '../fault.ts';
import { Zone } from './zone-time.ts';

/** The moments at which the clock first and last shows a time, in UTC. */
function momentsOf(zone: string, time: string): string[] {
  const shown = Date.parse(`${time}Z`);
  const moments = [Zone.named(zone).firstAt(shown), Zone.named(zone).lastAt(shown)];
  return moments.map((at) => new Date(at).toISOString().slice(0, 16));
}

test('a time that the clock shows once is one moment', () => {
  for (const [zone, time, at] of [
    ['UTC', '2026-07-01T12:00', '2026-07-01T12:00'],
    ['Europe/Berlin', '2026-07-01T12:00', '2026-07-01T10:00'],
    ['Europe/Berlin', '2026-12-01T12:00', '2026-12-01T11:00'],
    ['Asia/Kathmandu', '2026-07-01T12:00', '2026-07-01T06:15'],
    ['Pacific/Kiritimati', '2026-07-01T12:00', '2026-06-30T22:00'],
    ['America/New_York', '2026-07-01T22:00', '2026-07-02T02:00'],
  ] as const) {
    assert.deepEqual(momentsOf(zone, time), [at, at], zone);
  }
});

test('a time that the clock leaves out is the moment after the gap', () => {
  for (const time of ['2026-03-29T02:00', '2026-03-29T02:30', '2026-03-29T02:59']) {
    const change = '2026-03-29T01:00';
    assert.deepEqual(momentsOf('Europe/Berlin', time), [change, change], time);
  }
  const york = ['2026-03-08T07:00', '2026-03-08T07:00'];
  assert.deepEqual(momentsOf('America/New_York', '2026-03-08T02:30'), york);
  // By half an hour: at 02:00 it is 02:30.
  const howe = ['2026-10-03T15:30', '2026-10-03T15:30'];
  assert.deepEqual(momentsOf('Australia/Lord_Howe', '2026-10-04T02:15'), howe);
  assert.deepEqual(momentsOf('Australia/Lord_Howe', '2026-10-04T02:30'), howe);
});

test('a day that a zone left out is the moment after it', () => {
  const moved = ['2011-12-30T10:00', '2011-12-30T10:00'];
  assert.deepEqual(momentsOf('Pacific/Apia', '2011-12-30T12:00'), moved);
  assert.deepEqual(momentsOf('Pacific/Apia', '2011-12-31T00:00'), moved);
});

test('a time that the clock shows twice has a first and a last moment', () => {
  const both = ['2026-10-25T00:30', '2026-10-25T01:30'];
  assert.deepEqual(momentsOf('Europe/Berlin', '2026-10-25T02:30'), both);
  const from = ['2026-10-25T00:00', '2026-10-25T01:00'];
  assert.deepEqual(momentsOf('Europe/Berlin', '2026-10-25T02:00'), from);
  const after = ['2026-10-25T02:00', '2026-10-25T02:00'];
  assert.deepEqual(momentsOf('Europe/Berlin', '2026-10-25T03:00'), after);
  const york = ['2026-11-01T05:30', '2026-11-01T06:30'];
  assert.deepEqual(momentsOf('America/New_York', '2026-11-01T01:30'), york);
  const howe = ['2026-04-04T14:45', '2026-04-04T15:15'];
  assert.deepEqual(momentsOf('Australia/Lord_Howe', '2026-04-05T01:45'), howe);
});

test('the clock shows what it shows elsewhere, in every zone', () => {
  const names = Intl.supportedValuesOf('timeZone');
  assert.ok(names.length >= 300, `${names.length} zones`);
  const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2060, 0) });
  fc.assert(
    fc.property(fc.constantFrom(...names), moment, (name, at) => {
      const zone = Zone.named(name);
      const shown = zone.wallTimeAt(at);
      // The Swedish write dates as ISO 8601 does.
      const text = new Date(at).toLocaleString('sv-SE', { timeZone: name });
      assert.equal(new Date(shown).toISOString().slice(0, 19).replace('T', ' '), text);
      const moments = [zone.firstAt(shown), zone.lastAt(shown)];
      assert.ok(moments.includes(at), `${name} ${at} is not in ${moments}`);
    }),
    { numRuns: 2_000 },
  );
});

test('a name is of one zone however it is written, and a wrong one is refused', () => {
  assert.equal(Zone.named('europe/berlin'), Zone.named('Europe/Berlin'));
  for (const name of ['Mars/Phobos', '', '+02:00', 'Berlin', '2026', ' UTC']) {
    assert.throws(
      () => Zone.named(name),
      (error) =>
        error instanceof PolicyError &&
        error.message.includes(`${JSON.stringify(name)} is not a time zone: write an IANA name`),
      name,
    );
  }
});
