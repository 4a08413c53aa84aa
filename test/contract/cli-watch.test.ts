import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { ended, lockstep, spawnLockstep, startLockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';

async function start(t: TestContext): Promise<{ member: FakeMember; env: Record<string, string> }> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  return { member, env: { LOCKSTEP_ENDPOINTS: member.address } };
}

interface Watching {
  readonly member: FakeMember;
  readonly exit: Promise<number | string>;
  readonly process: ChildProcess;
  /** Resolves when its output, of both kinds, matches. */
  said(pattern: RegExp): Promise<void>;
  output(): string;
}

/** A real process that watches and runs a command for each event; resolves when it watches. */
async function watching(t: TestContext, ...words: string[]): Promise<Watching> {
  const { member, env } = await start(t);
  const child = spawnLockstep(['watch', ...words], env);
  t.after(() => child.kill('SIGKILL'));
  const { stdout, stderr } = child;
  assert.ok(stdout !== null && stderr !== null);
  let output = '';
  for (const stream of [stdout, stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      child.emit('said');
    });
  }
  const exit = ended(child);
  await Promise.race([member.next('watch.create'), exit]);
  const said = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(output)) {
      const end = await Promise.race([once(child, 'said'), exit]);
      if (!Array.isArray(end)) assert.match(output, pattern);
    }
  };
  return { member, exit, process: child, said, output: () => output };
}

test('watch -- CMD runs a command for each event, in order and one at a time', async (t) => {
  const show =
    'echo "begin $LOCKSTEP_REVISION $LOCKSTEP_EVENT_TYPE $ETCD_WATCH_KEY $(cat)"; echo "end $LOCKSTEP_REVISION"';
  const running = await watching(t, 'a/', '--prefix', '--', 'sh', '-c', show);
  const { member } = running;
  member.store.put('a/1', 'x y');
  member.store.put('b', 'elsewhere');
  member.store.put('a/2', 'y');
  member.store.deleteRange({ prefix: 'a/' });
  await running.said(/end 5\n[\s\S]*end 5\n/);
  const output = running.output();
  // Which may still meet the last command.
  running.process.kill('SIGINT');
  assert.equal(await running.exit, 0);
  assert.equal(
    output,
    'begin 2 put "a/1" x y\nend 2\nbegin 4 put "a/2" y\nend 4\n' +
      'begin 5 delete "a/1" \nend 5\nbegin 5 delete "a/2" \nend 5\n',
  );
});

test('a value that no environment holds comes on standard input, byte for byte', async (t) => {
  const show = 'echo "$LOCKSTEP_VALUE_BYTES [$(env | grep -c ^LOCKSTEP_VALUE=)] $(cksum)"';
  const running = await watching(t, 'a', '--', 'sh', '-c', show);
  running.member.store.put('a', { base64: Buffer.from([0xff, 0x00, 0x0a]).toString('base64') });
  running.member.store.put('a', 'v'.repeat(1_000_000));
  await running.said(/1000000 \[0\] .*\n/);
  // What cksum says of these bytes anywhere.
  assert.equal(running.output(), '3 [0] 1466344448 3\n1000000 [0] 3946977879 1000000\n');
  running.process.kill('SIGTERM');
  assert.equal(await running.exit, 0);
});

test('a command that fails, does not read or is not there is named, and the watch goes on', async (t) => {
  const running = await watching(t, 'a', '--', 'sh', '-c', 'exit $LOCKSTEP_REVISION');
  running.member.store.put('a', 'v'.repeat(1_000_000));
  running.member.store.put('a', '2');
  await running.said(/revision 3/);
  running.process.kill('SIGINT');
  assert.equal(await running.exit, 0);
  assert.equal(
    running.output(),
    'lockstep: the command failed for the put of a at revision 2: exit code 2\n' +
      'lockstep: the command failed for the put of a at revision 3: exit code 3\n',
  );
  const missing = await watching(t, 'a', '--', '/nowhere/program');
  missing.member.store.put('a', '1');
  await missing.said(/failed .*: there is no program "\/nowhere\/program"/);
  missing.process.kill('SIGINT');
  assert.equal(await missing.exit, 0);
});

test('--exit-on-error ends the watch with exit code 4', async (t) => {
  const running = await watching(t, 'a', '--exit-on-error', '--', 'sh', '-c', 'kill -9 $$');
  running.member.store.put('a', '1');
  running.member.store.put('a', '2');
  assert.equal(await running.exit, 4);
  assert.match(running.output(), /^lockstep: the command failed .* revision 2: signal SIGKILL\n$/);
});

test('Ctrl-C reaches the command that runs, which is waited for', async (t) => {
  const patient = 'trap "echo told; exit 0" INT; echo running; while :; do sleep 0.02; done';
  const running = await watching(t, 'a', '--', 'sh', '-c', patient);
  running.member.store.put('a', '1');
  running.member.store.put('a', '2');
  await running.said(/running/);
  running.process.kill('SIGINT');
  assert.equal(await running.exit, 0);
  assert.match(running.output(), /^running\nlockstep: stopping when .* again to kill it\ntold\n$/);
});

test('a second Ctrl-C kills a command that goes on, and names where to begin again', async (t) => {
  const deaf = 'trap "" INT; echo running; while :; do sleep 0.02; done';
  const running = await watching(t, 'a', '--', 'sh', '-c', deaf);
  running.member.store.put('a', '1');
  await running.said(/running/);
  running.process.kill('SIGINT');
  await running.said(/again to kill it/);
  running.process.kill('SIGINT');
  assert.equal(await running.exit, 0);
  assert.match(running.output(), /signal SIGKILL; "--rev 2" begins with it again/);
});

test('while a command runs, further events wait at the member and not in memory', async (t) => {
  const hold = 'echo "at $LOCKSTEP_REVISION"; [ $LOCKSTEP_REVISION != 2 ] || read -r _ < "$GATE"';
  const running = await watching(
    t,
    'a',
    '--',
    'sh',
    '-c',
    `GATE=$(mktemp -u); mkfifo "$GATE"; echo "gate $GATE"; ${hold}; rm "$GATE"`,
  );
  const { member } = running;
  member.store.put('a', 'first');
  await running.said(/at 2/);
  const stopped = member.next('watch.cancel');
  // More than a watch takes before it stops at the member.
  for (let count = 0; count < 20; count++) member.store.put('a', `${count}`.repeat(500_000));
  await stopped;
  const gate = /gate (\S+)/.exec(running.output())?.[1] ?? '';
  const { writeFile } = await import('node:fs/promises');
  await writeFile(gate, 'go on\n');
  await running.said(/at 22/);
  running.process.kill('SIGINT');
  assert.equal(await running.exit, 0);
  const revisions = [...running.output().matchAll(/at (\d+)/g)].map(([, one]) => Number(one));
  assert.deepEqual(
    revisions,
    Array.from({ length: 21 }, (_, at) => at + 2),
  );
});

test('get --watch prints what is there and then events, without a gap and without doubles', async (t) => {
  const { member, env } = await start(t);
  member.store.put('a/1', 'one');
  member.store.put('a/2', 'two');
  member.store.put('b', 'elsewhere');
  const created = member.next('watch.create');
  // Between the answer and the watch, something happens.
  const between = member
    .next('kv.range')
    .then(() => queueMicrotask(() => member.store.put('a/1', 'between')));
  const running = startLockstep(['get', 'a/', '--prefix', '--watch'], { env });
  assert.equal((await created).params.startRevision, 5);
  await between;
  member.store.put('a/3', 'three');
  member.store.deleteRange({ key: 'a/2' });
  await running.seen('DELETE\na/2\n\n');
  running.stop('SIGINT');
  const { exitCode, stdout, stderr } = await running.done;
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.equal(
    stdout.toString(),
    'a/1\none\na/2\ntwo\nPUT\na/1\nbetween\nPUT\na/3\nthree\nDELETE\na/2\n\n',
  );
});

test('get --watch goes on from the revision it was told, in chunks, without values, as JSON', async (t) => {
  const { member, env } = await start(t);
  for (const value of ['1', '2', '3']) member.store.put('k', value);
  let count = 0;
  const watched = async (...how: string[]): Promise<string> => {
    const value = `new ${++count}`;
    const created = member.next('watch.create');
    const running = startLockstep(['get', 'k', '--watch', ...how], { env });
    await created;
    member.store.put('k', value);
    await running.seen(how.includes('--keys-only') ? 'PUT\nk\n' : value);
    running.stop('SIGINT');
    return (await running.done).stdout.toString();
  };
  member.failNext('kv.range', 'answer_too_large');
  assert.equal(await watched(), 'k\n3\nPUT\nk\nnew 1\n');
  assert.equal(await watched('--keys-only'), 'k\nPUT\nk\n');
  const rows = (await watched('-w', 'json'))
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row));
  assert.deepEqual([rows[0].kvs[0].modRevision, rows[1].revision, rows.length], [6, 7, 2]);
  await watched('--rev', '3', '--keys-only');
  assert.equal(member.seenOf('watch.create').at(-1)?.params.startRevision, 4);
  assert.equal((await lockstep(['get', 'k', '--watch', '--limit', '1'], { env })).exitCode, 1);
});
