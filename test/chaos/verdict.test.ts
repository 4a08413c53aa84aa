import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, History, type Pair, type Request } from '../checkers/history.ts';
import { everything } from './asks.ts';
import { type Recording, readRecording, writeRecording } from './history-file.ts';
import { judge } from './verdict.ts';

function pair(key: string, value: string, modRevision: number): Pair {
  return { key, value, createRevision: modRevision, modRevision, version: 1 };
}

/** Two writes, a read of both, a write that nobody knows of, and a watcher of all. */
function recording(): Recording {
  const history = new History();
  const ask = (at: number, request: Request, revision: number, answer: Answer): void => {
    history.ended(history.begin('c', request, at), { type: 'ok', revision, answer }, at + 1);
  };
  const pairs = [pair('k/1', 'one', 2), pair('k/2', 'two', 3)];
  ask(1, { type: 'put', key: 'k/1', value: 'one' }, 2, { type: 'put' });
  ask(3, { type: 'put', key: 'k/2', value: 'two' }, 3, { type: 'put' });
  ask(5, { type: 'range', ...everything }, 3, { type: 'range', pairs, count: 2, more: false });
  history.begin('d', { type: 'put', key: 'k/3', value: 'three' }, 6);
  history.close();
  const { sessions } = history.watcher({ name: 'w', ...everything, prevKv: true });
  const items = pairs.map((each) => ({
    type: 'events' as const,
    revision: each.modRevision,
    events: [{ type: 'put' as const, pair: each }],
  }));
  sessions.push({ member: 'a', from: 1, items });
  history.harm(2, 'nothing much');
  const states = ['a', 'b'].map((member) => ({
    member,
    revision: 3,
    appliedIndex: 9,
    hash: 7,
    pairs,
  }));
  return { seed: 4, history, states };
}

async function inFile<Result>(run: (file: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-verdict-'));
  try {
    return await run(join(directory, 'history.jsonl'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a good history has no violation, and a file that keeps it gives the same verdict', async () => {
  const good = recording();
  const verdict = judge(good);
  assert.deepEqual(verdict.violations, []);
  assert.deepEqual([verdict.acknowledged, verdict.lost, verdict.watchEvents], [2, 0, 2]);
  const read = await inFile((file) => {
    writeRecording(file, good);
    return readRecording(file);
  });
  assert.deepEqual(read.history.operations, good.history.operations);
  assert.deepEqual(read.history.watchers, good.history.watchers);
  assert.deepEqual(read.history.harms, good.history.harms);
  assert.deepEqual([read.seed, read.states], [good.seed, good.states]);
  assert.deepEqual(judge(read), verdict);
});

test('each planted violation is found', () => {
  const planted: readonly (readonly [string, (recording: Recording) => Recording, RegExp])[] = [
    [
      'a write that a member does not hold',
      (good) => {
        const [first, second] = good.states;
        assert(first !== undefined && second !== undefined);
        return { ...good, states: [first, { ...second, pairs: second.pairs.slice(1) }] };
      },
      /lost: "one" in k\/1, acknowledged at revision 2: b has no such key/,
    ],
    [
      'a member that ends before a write that was acknowledged',
      (good) => ({ ...good, states: good.states.map((state) => ({ ...state, revision: 2 })) }),
      /lost: "two" in k\/2, acknowledged at revision 3: a ends at revision 2/,
    ],
    [
      'members whose state differs in something that no client sees',
      (good) => ({
        ...good,
        states: good.states.map((state, at) => ({ ...state, hash: state.hash + at })),
      }),
      /the final state of b differs from that of a/,
    ],
    [
      'a read that misses a write which was acknowledged before',
      (good) => {
        const read = good.history.operations[2];
        assert(read?.outcome.type === 'ok' && read.outcome.answer.type === 'range');
        const answer = { ...read.outcome.answer, pairs: read.outcome.answer.pairs.slice(0, 1) };
        const stale = { ...read.outcome, revision: 2, answer: { ...answer, count: 1 } };
        good.history.operations[2] = { ...read, outcome: stale };
        return good;
      },
      /real time/,
    ],
    [
      'a watch that was not told of a write',
      (good) => {
        good.history.watchers[0]?.sessions[0]?.items.splice(0, 1);
        return good;
      },
      /watch reliable/,
    ],
    [
      'a watch that was told of a write that was refused',
      (good) => {
        const write = good.history.operations[0];
        assert(write !== undefined);
        const outcome = { type: 'refused', code: 'no_leader' } as const;
        good.history.operations[0] = { ...write, outcome };
        return good;
      },
      /every write has a cause|linearizability/,
    ],
  ];
  for (const [what, plant, violation] of planted) {
    const { violations } = judge(plant(recording()));
    assert(
      violations.some((found) => violation.test(found)),
      `${what}: ${violations.join('; ')}`,
    );
  }
});

test('a file that is no history is refused with the line and what is wrong', async () => {
  await inFile(async (file) => {
    writeFileSync(file, '');
    await assert.rejects(readRecording(file), /is empty: it must be a history/);
    writeFileSync(file, '{"kind":"run","seed":1}\nhello\n');
    await assert.rejects(
      readRecording(file),
      /history\.jsonl:2: this is no line of a history: hello/,
    );
  });
});

test('a key that outlives its lease is found, though all members hold it alike', () => {
  const { history, ...rest } = recording();
  const states = rest.states.map((state) => ({
    ...state,
    pairs: [...state.pairs, { ...pair('leased', 'x', 3), lease: '7' }],
  }));
  assert.ok(judge({ ...rest, history, states }).violations.includes('leased outlives its lease 7'));
});
