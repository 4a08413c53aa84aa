/** `npm run sim` itself: what it takes, how it spreads seeds over processes, how it shrinks what fails. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { History } from '../checkers/history.ts';
import { timelinePage } from '../checkers/timeline.ts';
import { timelineOf } from '../checkers/timeline-lanes.ts';
import { markHarm } from './harm-lines.ts';
import { MessageRate } from './message-rate.ts';
import { harms, planOf, type SimPlan } from './plan.ts';
import { ruleOf } from './rule.ts';
import { swarm } from './seed-swarm.ts';
import { shrink } from './shrink.ts';
import { commandOf, OptionError, parseSimOptions } from './sim-options.ts';
import type { SimReport, TaskRunner } from './sim-task.ts';
import { SimWorker } from './sim-worker.ts';
import { simulate } from './simulate.ts';

function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '');
}

describe('the command line of the simulator', () => {
  test('the one line that is printed for a plan leads back to that plan', () => {
    const plans = [
      planOf(7),
      planOf(0, { without: ['crash', 'one-way partition'], tormentMs: 1_250, clients: 1 }),
    ];
    for (const plan of plans) {
      const line = commandOf(plan).replace('npm run sim -- ', '');
      assert.deepEqual(parseSimOptions(words(line)), { type: 'replay', plan, timeline: undefined });
    }
  });

  const refused: Record<string, RegExp> = {
    '--seed x': /--seed takes a whole number from 0 .*not "x"/,
    '--seed -1': /--seed/,
    '--seeds 0': /--seeds takes a whole number from 1/,
    '--seeds 1e3': /not "1e3"/,
    '--minutes 0.5': /--minutes takes a whole number/,
    '--seed 1 --from 3': /--from goes with --seeds or --minutes or --world, not with --seed/,
    '--seeds 9 --timeline x.html': /--timeline goes with --seed, not/,
    '--planted --seed 1': /--seed goes with --seed, not with --planted/,
    '--seed 1 --without crash,fire': /"fire": crash, /,
    '--seed 1 --timeline history.txt': /ends in \.html/,
    '--seed 1 --clients 0': /--clients takes a whole number from 1/,
    '--speed 1': /Unknown option '--speed'/,
    'seed 1': /"seed" belongs to no option/,
  };
  for (const [line, sentence] of Object.entries(refused)) {
    test(`"${line}" is refused in a sentence`, () => {
      assert.throws(
        () => parseSimOptions(words(line)),
        (error) => error instanceof OptionError && sentence.test(error.message),
      );
    });
  }
});

test('a rule has no numbers, members and keys in it, and other rules stay apart', () => {
  const one = 'lost: config/a=v12... was acknowledged at revision 7, the store has x=v13';
  const other = 'lost: lock/b=undefined was acknowledged at revision 912, the store has cas=n4';
  assert.equal(ruleOf(one), ruleOf(other));
  assert.equal(
    ruleOf('a and b differ in state at index 4'),
    ruleOf('c and e differ in state at index 71'),
  );
  const told = (value: string, revision: number): string =>
    ruleOf(`w1 was told of {"key":"${value}","n":[${revision}]}, not of ${value} "${value}"`);
  assert.equal(told('v7....', 3), told('v12', 40));
  assert.equal(ruleOf('b lowered its term\n at x.ts:7'), 'M lowered its term');
  assert.notEqual(ruleOf('b lowered its term'), ruleOf('b lowered its commit index'));
});

test('members that say more and more to each other fail the run, and one that is busy does not', () => {
  const rate = new MessageRate();
  for (let now = 0; now < 10_000; now += 10) rate.count('a', 90, now);
  rate.count('b', 600, 10_000);
  assert.throws(
    () => rate.count('b', 600, 10_050),
    /^InvariantError: liveness: b sent 1200 messages/,
  );
});

test('what was done to a cluster is marked in its drawn history, and what clients did is not', () => {
  const history = new History();
  const lines: string[] = [];
  const mark = markHarm(history);
  const plan = planOf(7, { tormentMs: 12_000 });
  simulate(plan, {
    history,
    trace: (line) => {
      lines.push(line);
      mark(line);
    },
  });
  const kinds = history.harms.map(({ what }) => what);
  assert.ok(kinds.some((what) => / became the leader of term /.test(what)));
  assert.ok(kinds.includes('healed'));
  assert.ok(kinds.length < lines.length / 4, `${kinds.length} of ${lines.length}`);
  assert.ok(!kinds.some((what) => /^c\d/.test(what)));
  const page = timelinePage(history, { title: commandOf(plan) });
  assert.ok(page.includes('became the leader of term'));
  assert.equal(timelineOf(history).lanes.filter(({ name }) => /^w\d: /.test(name)).length, 4);
});

describe('a failing plan is shrunk', () => {
  /** Fails where the two kinds of harm are left in, with three clients or more, from 9,000 ms on. */
  const fails = async ({ without, clients, tormentMs }: SimPlan): Promise<boolean> =>
    !without.includes('crash') &&
    !without.includes('weather') &&
    clients >= 3 &&
    tormentMs >= 9_000;

  test('to what it needs', async () => {
    const { plan } = await shrink(planOf(5), fails);
    const needed = harms.filter((harm) => !plan.without.includes(harm));
    assert.deepEqual(needed, ['crash', 'weather']);
    assert.equal(plan.clients, 3);
    assert.ok(plan.tormentMs >= 9_000 && plan.tormentMs <= 9_250, String(plan.tormentMs));
    assert.equal(plan.seed, 5);
  });

  test('in no more runs than it may take, and what it has then still fails', async () => {
    let runs = 0;
    const counting = (plan: SimPlan): Promise<boolean> => {
      runs++;
      return fails(plan);
    };
    const { plan, tries } = await shrink(planOf(5), counting, 6);
    assert.equal(tries, 6);
    assert.equal(runs, 6);
    assert.ok(await fails(plan));
    assert.ok(plan.without.length > 0);
  });

  test('not at all when nothing can be left out', async () => {
    const { plan } = await shrink(planOf(5), async () => false);
    assert.deepEqual(plan, planOf(5));
  });
});

describe('a swarm', () => {
  /** Each seed takes its own number of turns, so that many workers finish in another order than they begin. */
  function runnerOf(failing: readonly number[]): () => TaskRunner {
    return () => ({
      run: async ({ plan }): Promise<SimReport> => {
        for (let turns = (plan.seed * 7) % 11; turns > 0; turns--) await Promise.resolve();
        if (failing.includes(plan.seed)) {
          return { type: 'failed', kind: 'Error', message: `seed ${plan.seed}`, stack: '' };
        }
        const reached = plan.seed % 2 === 0 ? ['leader elected'] : ['leader crashed'];
        return { type: 'held', acknowledged: plan.seed, events: 1, reached };
      },
      close: async () => {},
    });
  }

  function run(workers: number, failing: readonly number[] = []) {
    const options = { first: 1, seeds: 40, untilMs: 1, changes: {}, workers, progress: () => {} };
    return swarm({ ...options, now: () => 0, makeWorker: runnerOf(failing) });
  }

  test('comes to the same end with one worker and with seven', async () => {
    const [one, seven] = [await run(1), await run(7)];
    assert.equal(one.done, 40);
    assert.equal(one.acknowledged, 820);
    assert.equal(seven.done, one.done);
    assert.equal(seven.acknowledged, one.acknowledged);
    assert.equal(seven.reached.table(), one.reached.table());
    assert.match(one.reached.table(), /^ +20 {2}leader elected$/m);
  });

  for (const workers of [1, 2, 7]) {
    test(`stops at the lowest seed that fails, with ${workers} at a time`, async () => {
      const { failure, done } = await run(workers, [13, 11, 12, 30]);
      assert.equal(failure?.plan.seed, 11);
      assert.ok(done < 30, `${done} were run`);
    });
  }

  test('begins nothing after its time', async () => {
    let now = 0;
    const options = { first: 1, seeds: 40, untilMs: 3, changes: {}, workers: 1 };
    const result = await swarm({
      ...options,
      now: () => now++,
      progress: () => {},
      makeWorker: runnerOf([]),
    });
    assert.equal(result.done, 3);
  });
});

describe('a worker', () => {
  const broken = (body: string): URL => new URL(`data:text/javascript,${encodeURIComponent(body)}`);
  const task = { plan: planOf(3, { tormentMs: 2_000, clients: 1 }) };

  async function reportOf(imports: string[], msMax = 60_000): Promise<SimReport> {
    const worker = new SimWorker({ imports, msMax });
    try {
      return await worker.run(task);
    } finally {
      await worker.close();
    }
  }

  test('runs a plan in a process of its own', async () => {
    const report = await reportOf([]);
    assert.equal(report.type, 'held');
    assert.ok(report.type === 'held' && report.reached.includes('leader elected'));
  });

  test('that dies is reported with its last words', async () => {
    const dying =
      'process.on("message", () => { console.error("no more memory"); process.exit(9); })';
    const report = await reportOf([broken(dying).href]);
    assert.equal(report.type, 'lost');
    assert.match(report.type === 'lost' ? report.message : '', /ended with code 9\nno more memory/);
  });

  test('that hangs is killed', async () => {
    const hanging = 'process.on("message", () => { for (;;) {} })';
    const report = await reportOf([broken(hanging).href], 2_000);
    assert.deepEqual(report, { type: 'lost', message: 'it did not end within 2 s' });
  });
});
