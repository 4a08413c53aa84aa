import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  lockstep,
  Program,
  type ProgramOptions,
  temporaryDirectory,
  until,
} from '../harness/processes.ts';
import { type RealCluster, startCluster } from '../harness/real-cluster.ts';

const bin = fileURLToPath(new URL('../../cli/bin/lockstep.js', import.meta.url));

/** Gives signs of life in a file, for 20 s at most, since a test that fails may forget it. */
const live = 'for _ in $(seq 400); do : > "$BEAT"; sleep 0.05; done';
/** Says that it was asked to end, and goes on. What it has started does not even listen. */
const stubborn = `trap "echo told" TERM; (trap "" TERM; ${live}) & echo "pid $$"; ${live}`;
/** Ends when it is asked to, as if nothing was wrong, and leaves behind what does not listen. */
const polite = `trap "echo told; exit 0" TERM; (trap "" TERM; ${live}) & echo "pid $$"; ${live}`;

/** A command under a lock, in a process of its own. */
function under(cluster: RealCluster, args: readonly string[], options: ProgramOptions = {}) {
  const defaults = { LOCKSTEP_ENDPOINTS: cluster.endpoints.join(','), BEAT: '/dev/null' };
  const variables = { ...defaults, ...options.variables };
  return new Program(['lock', ...args], { ...options, variables });
}

async function pidOf(program: Program): Promise<number> {
  return Number((await program.said(/pid (\d+)/))[1]);
}

/** Whether a process of this group is there. */
function isThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function groupIsGone(group: number): Promise<true> {
  return until(`no process of group ${group} is left`, () => !isThere(group) || undefined);
}

describe('lockstep lock in real processes', { concurrency: 3 }, () => {
  const undo: (() => Promise<void>)[] = [];
  let cluster: RealCluster;
  before(async () => {
    cluster = await startCluster({ after: (run) => undo.push(run) }, 1);
  });
  after(async () => {
    for (const run of undo) await run();
  });

  test('of two shells the second one waits, and runs when the first has ended', async () => {
    const show = 'date +"begin %s%N"; echo "token $LOCKSTEP_TOKEN"; sleep 0.5; date +"end %s%N"';
    const first = under(cluster, ['nightly', '--', 'sh', '-c', show]);
    await first.said(/begin/);
    const second = under(cluster, ['nightly', '--', 'sh', '-c', show]);
    assert.deepEqual([(await first.ended()).code, (await second.ended()).code], [0, 0]);
    const told = ({ stdout }: Program, what: string): bigint =>
      BigInt(new RegExp(`${what} (\\d+)`).exec(stdout)?.[1] ?? 0);
    assert.ok(told(second, 'begin') >= told(first, 'end'), second.stdout + first.stdout);
    assert.ok(told(second, 'token') > told(first, 'token'));
    assert.deepEqual([first.stderr, second.stderr], ['', '']);
  });

  test('kill -9 of lockstep frees the lock after its TTL, and its command goes on', async () => {
    // Elsewhere than into the pipes of a process that is gone.
    const orphan = 'echo "pid $$"; exec sleep 60 > /dev/null 2>&1';
    const first = under(cluster, ['killed', '--ttl', '5', '--', 'sh', '-c', orphan]);
    const pid = await pidOf(first);
    try {
      const second = under(cluster, ['killed', '--', 'echo', 'runs']);
      await until('the second one waits', async () => {
        const { stdout } = await lockstep(['inspect', 'lock', 'killed', '-w', 'json'], {
          variables: { LOCKSTEP_ENDPOINTS: cluster.endpoints.join(',') },
        });
        return JSON.parse(stdout).waiting.length === 1;
      });
      const killedAt = performance.now();
      first.kill('SIGKILL');
      await second.said(/runs/);
      const afterMs = performance.now() - killedAt;
      assert.ok(afterMs > 2_500 && afterMs < 8_000, `after ${afterMs} ms`);
      assert.ok(isThere(pid), 'nobody has stopped the command: help says so');
      assert.equal((await second.ended()).code, 0);
    } finally {
      if (isThere(pid)) process.kill(-pid, 'SIGKILL');
    }
  });

  test('a store that is away for longer than the TTL stops the command, with 122', async (t) => {
    const away = await startCluster(t, 1);
    const start = (command: string, how: readonly string[]) => {
      const beat = join(temporaryDirectory(), 'beat');
      const args = [`away-${how.length}`, '--ttl', '4', ...how, '--', 'sh', '-c', command];
      return { beat, program: under(away, args, { variables: { BEAT: beat } }) };
    };
    const both = [start(stubborn, ['--grace', '800ms']), start(polite, [])];
    const pids = await Promise.all(both.map(({ program }) => pidOf(program)));
    const awayAt = Date.now();
    away.member(0).program.kill('SIGSTOP');
    for (const { program, beat } of both) {
      assert.deepEqual(await program.ended(), { code: 122, signal: null }, program.describe());
      assert.match(program.stdout, /told\n/);
      assert.match(
        program.stderr,
        /^lockstep: the lock is lost: .* no renewal .* answered in time; asking the command to end/,
      );
      const endedMs = Date.now() - awayAt;
      assert.ok(endedMs < 5_500, `nobody is waited for who does not answer: ${endedMs} ms`);
      // No lease can have ended before 4 s, but for the time that a request was on its way.
      const lastMs = statSync(beat).mtimeMs - awayAt;
      assert.ok(lastMs > 500 && lastMs < 3_800, `its last sign of life was after ${lastMs} ms`);
    }
    for (const pid of pids) await groupIsGone(pid);
    assert.match(both[0]?.program.stderr ?? '', /killing it in (800|7\d\d) ms\n/);
  });

  test('lockstep that was stopped for longer than its TTL kills its command at once', async () => {
    const stopped = under(cluster, ['stopped', '--ttl', '4', '--', 'sh', '-c', stubborn]);
    const pid = await pidOf(stopped);
    stopped.kill('SIGSTOP');
    await sleep(4_200);
    assert.ok(isThere(pid));
    stopped.kill('SIGCONT');
    assert.equal((await stopped.ended()).code, 122, stopped.describe());
    assert.match(stopped.stderr, /the lock is lost: .*; killing the command\n$/);
    assert.doesNotMatch(stopped.stdout, /told/);
    await groupIsGone(pid);
  });

  test('a lock whose key is removed by hand stops the command as well', async () => {
    const removed = under(cluster, ['removed', '--grace', '300ms', '--', 'sh', '-c', stubborn]);
    const pid = await pidOf(removed);
    const variables = { LOCKSTEP_ENDPOINTS: cluster.endpoints.join(',') };
    await lockstep(['del', 'removed/', '--prefix'], { variables });
    assert.equal((await removed.ended()).code, 122, removed.describe());
    assert.match(removed.stderr, /somebody removed removed\/.+; asking the command to end/);
    assert.match(removed.stdout, /told/);
    await groupIsGone(pid);
  });

  test('the exit code is that of the command, of its signal, or says that it was not run', async () => {
    const rows = [
      [['sh', '-c', 'exit 7'], 7, /^$/],
      [['true'], 0, /^$/],
      [['sh', '-c', 'kill -9 $$'], 137, /^$/],
      [['/nowhere/program'], 127, /could not be run: there is no program "\/nowhere\/program"\n$/],
      [[import.meta.dirname], 126, /could not be run: ".*" may not be run\n$/],
    ] as const;
    for (const [command, code, stderr] of rows) {
      const program = under(cluster, ['codes', '--', ...command]);
      assert.equal((await program.ended()).code, code, program.describe().slice(-500));
      assert.match(program.stderr, stderr);
    }
  });

  test('the command has the streams of lockstep, and the lock in its environment', async () => {
    const show = 'cat; echo "to stderr" >&2; echo "$LOCKSTEP_LOCK|$LOCKSTEP_LOCK_KEY|$OTHER"';
    const program = under(cluster, ['streams', '--', 'sh', '-c', show], {
      input: 'from stdin\n',
      variables: { OTHER: 'kept', LOCKSTEP_LOCK: 'of somebody else' },
    });
    assert.equal((await program.ended()).code, 0);
    assert.match(program.stdout, /^from stdin\nstreams\|streams\/[0-9a-f]+\.[0-9a-f-]+\|kept\n$/);
    assert.equal(program.stderr, 'to stderr\n');
  });

  test('signals reach the command once, and the lock is released when it has ended', async () => {
    const directory = temporaryDirectory();
    for (const signal of ['SIGINT', 'SIGHUP'] as const) {
      const gate = join(directory, signal);
      const patient = `trap 'echo told; until [ -e ${gate} ]; do sleep 0.05; done; exit 5' INT HUP
        echo "pid $$"; while :; do sleep 0.05; done`;
      const program = under(cluster, ['signals', '--', 'sh', '-c', patient]);
      await pidOf(program);
      program.kill(signal);
      await program.said(/told/);
      const tried = await under(cluster, ['signals', '--try', '--', 'true']).ended();
      assert.equal(tried.code, 121, 'it is held while the command ends');
      writeFileSync(gate, '');
      assert.equal((await program.ended()).code, 5, program.describe());
      assert.equal(program.stdout.match(/told/g)?.length, 1);
      assert.equal((await under(cluster, ['signals', '--try', '--', 'true']).ended()).code, 0);
    }
  });

  test('a command whose output nobody reads any more keeps its lock', async () => {
    const program = under(cluster, ['unheard', '--ttl', '4', '--', 'sh', '-c', stubborn]);
    const pid = await pidOf(program);
    program.deafen();
    program.kill('SIGTSTP'); // It is told on standard error that this is not done.
    await sleep(4_500);
    const variables = { LOCKSTEP_ENDPOINTS: cluster.endpoints.join(',') };
    const { stdout } = await lockstep(['inspect', 'lock', 'unheard'], { variables });
    assert.match(stdout, /is held by .* pid \d+/);
    assert.ok(isThere(pid));
    process.kill(-pid, 'SIGKILL');
    assert.equal((await program.ended()).code, 137);
  });

  test('a write under the condition of the lock goes through while it is held, and not after', async () => {
    const line = `printf '%s\\n' "create(\\"$LOCKSTEP_LOCK_KEY\\") = \\"$LOCKSTEP_TOKEN\\"" '' 'put report done' '' ''`;
    const write = `${line} | '${process.execPath}' '${bin}' txn`;
    const held = under(cluster, ['guarded', '--', 'sh', '-c', `${write}; env | grep ^LOCKSTEP_`]);
    assert.equal((await held.ended()).code, 0);
    assert.match(held.stdout, /^SUCCESS\n/);
    const variable = (name: string): string =>
      new RegExp(`^${name}=(.*)$`, 'm').exec(held.stdout)?.[1] ?? '';
    const condition = `create("${variable('LOCKSTEP_LOCK_KEY')}") = "${variable('LOCKSTEP_TOKEN')}"`;
    const late = await lockstep(['txn'], {
      input: [condition, '', 'put report late', '', '', ''].join('\n'),
      variables: { LOCKSTEP_ENDPOINTS: cluster.endpoints.join(',') },
    });
    assert.match(late.stdout, /^FAILURE\n/, late.stderr);
  });
});
