import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import { EventLog, type LoggedEvent } from './event-log.ts';

const event = (revision: number): LoggedEvent => ({
  type: 'put',
  key: 'a' as ByteString,
  revision,
  isNew: false,
  preview: '',
  at: new Date(0),
});
const revisions = (log: EventLog) => log.events.map(({ revision }) => revision);

test('the newest events are kept, newest first', () => {
  const log = new EventLog(3);
  for (let revision = 1; revision <= 5; revision++) log.add(event(revision));
  assert.deepEqual(revisions(log), [5, 4, 3]);
});

test('a paused log stands still and counts, and goes on with what it missed', () => {
  const log = new EventLog(3);
  log.add(event(1));
  log.pause();
  for (let revision = 2; revision <= 6; revision++) log.add(event(revision));
  assert.deepEqual([revisions(log), log.missedCount], [[1], 5]);
  log.resume();
  assert.deepEqual([revisions(log), log.missedCount], [[6, 5, 4], 0]);
});
