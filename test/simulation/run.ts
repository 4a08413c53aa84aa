/** `npm run sim`: replays a seed, runs a swarm of them, or shows that the checks can fail. See sim-options.ts. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { History } from '../checkers/history.ts';
import { timelinePage } from '../checkers/timeline.ts';
import { runPlanted } from '../planted/run-planted.ts';
import { markHarm } from './harm-lines.ts';
import type { SimPlan } from './plan.ts';
import { ruleOf } from './rule.ts';
import { runWorld } from './run-world.ts';
import { swarm } from './seed-swarm.ts';
import { shrink, triesMax } from './shrink.ts';
import { commandOf, OptionError, parseSimOptions, type SimCommand, usage } from './sim-options.ts';
import type { SimReport } from './sim-task.ts';
import { SimWorker } from './sim-worker.ts';
import { simulate } from './simulate.ts';

/** So many seeds must reach everything that the coverage table lists. */
const seedsForCoverage = 2_000;
const progressMs = 10_000;

function replay(plan: SimPlan, timeline: string | undefined): number {
  const history = new History();
  const mark = markHarm(history);
  let failure: unknown;
  try {
    const { acknowledged, events } = simulate(plan, {
      trace: (line) => {
        console.log(line);
        mark(line);
      },
      history,
    });
    const counts = `${acknowledged} writes acknowledged, ${events} events`;
    console.log(`seed ${plan.seed}: ${counts}, all checks hold`);
  } catch (error) {
    failure = error;
    console.error(error);
    console.error(`\nseed ${plan.seed} fails`);
  }
  if (timeline !== undefined) {
    history.close();
    const note = failure instanceof Error ? failure.message : '';
    writeFileSync(timeline, timelinePage(history, { title: commandOf(plan), note }));
    console.log(`the history is drawn in ${timeline}`);
  }
  return failure === undefined ? 0 : 1;
}

async function runSwarm(command: SimCommand & { type: 'swarm' }): Promise<number> {
  const { first, changes, workers } = command;
  const began = performance.now();
  let told = began;
  const line = ({ done, acknowledged }: { done: number; acknowledged: number }): string => {
    const perMinute = Math.round((done / (performance.now() - began)) * 60_000);
    return `${done} seeds from ${first}, ${perMinute} a minute, ${acknowledged} writes`;
  };
  const result = await swarm({
    ...command,
    untilMs: began + command.minutes * 60_000,
    makeWorker: () => new SimWorker(),
    now: () => performance.now(),
    progress: (now) => {
      if (performance.now() - told < progressMs) return;
      told = performance.now();
      console.log(line(now));
    },
  });
  console.log(`${line(result)}, ${workers} at a time`);
  if (result.failure !== undefined) return tellFailure(result.failure);
  console.log(`\n${result.reached.table()}\n`);
  const { missing } = result.reached;
  if (result.done < seedsForCoverage || Object.keys(changes).length > 0) return 0;
  if (missing.length > 0) console.error(`never reached: ${missing.join('; ')}`);
  return missing.length > 0 ? 1 : 0;
}

/** Shrinks what failed and prints the one command that shows it. */
async function tellFailure({
  plan,
  report,
}: {
  plan: SimPlan;
  report: SimReport;
}): Promise<number> {
  if (report.type === 'failed') console.error(report.stack);
  else if (report.type === 'lost') console.error(`seed ${plan.seed}: ${report.message}`);
  console.error(`\nseed ${plan.seed} fails: ${commandOf(plan)}`);
  // A run that takes a worker with it would take one at every try.
  if (report.type !== 'failed') return 1;
  const rule = ruleOf(report.message);
  console.error(`shrinking it, in at most ${triesMax} runs ...`);
  const worker = new SimWorker();
  try {
    const { plan: small, tries } = await shrink(plan, async (candidate) => {
      const other = await worker.run({ plan: candidate });
      return other.type === 'failed' && ruleOf(other.message) === rule;
    });
    const timeline = join(tmpdir(), `lockstep-sim-${small.seed}.html`);
    const last = await worker.run({ plan: small, timeline });
    if (last.type === 'failed') {
      console.error(last.message);
      if (last.timeline !== undefined) console.error(`its history is drawn in ${last.timeline}`);
    }
    console.error(`\nafter ${tries} runs, replay it with:\n${commandOf(small)}`);
  } finally {
    await worker.close();
  }
  return 1;
}

async function main(words: readonly string[]): Promise<number> {
  try {
    const command = parseSimOptions(words);
    if (command.type === 'replay') return replay(command.plan, command.timeline);
    // An exit, unlike a signal, takes the workers with it. A replay has none, and is too busy to hear of a signal.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => process.exit(130));
    }
    if (command.type === 'swarm') return await runSwarm(command);
    if (command.type === 'world') return await runWorld(command);
    return await runPlanted(command);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
}

// Who reads only the beginning of a trace has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
