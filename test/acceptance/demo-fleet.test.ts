import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play, survivors } from './demo-fleet.ts';

test('the demo of a fleet: a good update fails no request, a bad one is stopped, and the last line says so', async () => {
  const { code, stdout, stderr, left } = await play([]);
  const text = `${stdout}\n${stderr}`;
  assert.equal(code, 0, text);
  assert.equal(stderr, '');
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  assert.match(last, /^demo:fleet passed in \d+ s: [\d,]+ requests served, 0 failed, /);
  assert.match(last, /9 of 9 hosts rebooted into the good update, /);
  assert.match(last, /the bad update stopped with [5-7] of 9 on the old version$/);
  assert.match(stdout, /The store's leader [abc] \(pid \d+\) is killed with SIGKILL\./);
  assert.match(stdout, /failed: it answers 500: .*version 3 does not work on /);
  assert.deepEqual(survivors(stdout), []);
  assert.deepEqual(left, []);
});
