import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play, survivors } from './demo-fleet.ts';

test('the demo of a fleet without limits counts failed requests and too many hosts, and fails', async () => {
  const { code, stdout, left } = await play(['--without-limits']);
  assert.equal(code, 1, stdout);
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  assert.match(last, /^demo:fleet FAILED in \d+ s: [\d,]+ requests served, [1-9][\d,]* failed; /);
  assert.match(last, /[1-9]\d* requests to web failed \(no host of web is ready\)/);
  assert.match(last, /[23] hosts of web were down at once, 1 may be/);
  assert.deepEqual(survivors(stdout), []);
  assert.deepEqual(left, []);
});

test('Ctrl-C in the middle of the demo of a fleet leaves no process and no file', async () => {
  const { code, stdout, stderr, left } = await play([], /rebooting/);
  assert.equal(code, 130, `${stdout}\n${stderr}`);
  assert.equal(stderr, 'demo:fleet FAILED: stopped by SIGINT\n');
  assert.deepEqual(left, []);
});

test('an option that the demo of a fleet does not know is refused, with those that it knows', async () => {
  const { code, stderr } = await play(['--without-limit']);
  assert.equal(code, 2);
  assert.match(stderr, /--without-limit'.*--without-limits /s);
});
