import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandRaisedAlarm } from './hand-raised-alarm.ts';

const [low, high] = [80, 95];

function after(ticks: readonly (readonly [stateBytes: number, alarmed: boolean])[], first = false) {
  const alarm = new HandRaisedAlarm(100, first);
  for (const [stateBytes, alarmed] of ticks) alarm.tick({ stateBytes, alarmed });
  return alarm.isByHand;
}

test('an alarm that came while there was room was raised by hand, until it is cleared', () => {
  assert.equal(after([[low, false]]), false);
  assert.equal(
    after([
      [low, false],
      [low, true],
      [high, true],
      [low, true],
    ]),
    true,
  );
  assert.equal(
    after([
      [low, true],
      [low, false],
    ]),
    false,
  );
});

test('one that came when there was little room, or soon after, was not', () => {
  const soon = Array.from({ length: 49 }, () => [low, false] as const);
  assert.equal(
    after([
      [high, false],
      [high, true],
      [low, true],
    ]),
    false,
  );
  assert.equal(after([[high, false], ...soon, [low, true]]), false);
  assert.equal(after([[high, false], ...soon, [low, false], [low, true]]), true);
});

test('one that was on when the member started is not taken for it', () => {
  assert.equal(after([[low, true]], true), false);
});
