import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Space } from './space.ts';

const mebibyte = 1024 * 1024;
const space = new Space({ quotaBytes: 100 * mebibyte });

test('the alarm is raised at the quota and cleared only well below it', () => {
  const decisions = [89, 90, 91, 99, 100, 101].map((part) => {
    const stateBytes = part * mebibyte;
    const decide = (alarmed: boolean) => space.decide({ stateBytes, alarmed });
    return [part, decide(false), decide(true)];
  });
  assert.deepEqual(decisions, [
    [89, undefined, 'clear'],
    [90, undefined, 'clear'],
    [91, undefined, undefined],
    [99, undefined, undefined],
    [100, 'raise', undefined],
    [101, 'raise', undefined],
  ]);
});

test('there is a warning from four fifths of the quota on, which says what will be or is refused', () => {
  assert.equal(space.warning(80 * mebibyte - 1), undefined);
  assert.match(space.warning(80 * mebibyte) ?? '', /takes 80\.0 MiB, 80 % .* 100\.0 MiB: at 100 %/);
  assert.match(space.warning(100 * mebibyte - 1) ?? '', / 99 % .*: at 100 %/);
  assert.match(space.warning(100 * mebibyte) ?? '', / 100 % .*: writes that need room are refused/);
});

test('at the quota what needs room is refused, and nothing else', () => {
  const over = 100 * mebibyte;
  assert.deepEqual(
    [
      [space.refuses(true, over - 1), space.refuses(false, over - 1)],
      [space.refuses(true, over), space.refuses(false, over)],
    ],
    [
      [false, false],
      [true, false],
    ],
  );
});
