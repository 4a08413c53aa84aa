/**
 * Compares Lockstep with etcd over many seeds:
 * `node --conditions=source --import tsx test/acceptance/etcd-comparison/run.ts --seeds 100 --calls 300`,
 * with `--from N` or `--seed N`. `--with etcd` compares etcd with a second etcd, and `--with host:port` with a
 * member of Lockstep that runs already and loses all that it holds.
 */
import { parseArgs } from 'node:util';
import { AllowList } from './allowed.ts';
import { LockstepStore } from './lockstep-store.ts';
import { type RunningStore, startBoth, startEtcd, startLockstep } from './processes.ts';
import { Reach } from './reach.ts';
import { report } from './report.ts';
import { runFresh, runSeed } from './run-seed.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '20' },
    calls: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    with: { type: 'string', default: 'lockstep' },
  },
});

/** Requests in all, from which on everything that is required must have been met. */
const requestsForReach = 10_000;
/** Seeds that differ, after which it is enough. */
const differencesMax = 3;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not "${text}"`);
  process.exit(2);
}

async function startOther(): Promise<RunningStore> {
  if (values.with === 'lockstep') return startLockstep();
  if (values.with === 'etcd') return startEtcd();
  const store = new LockstepStore(values.with);
  return { store, describe: () => values.with, stop: () => store.close() };
}

async function main(): Promise<number> {
  const calls = wholeNumber('calls', values.calls);
  const first = wholeNumber('from', values.seed ?? values.from);
  const seeds = values.seed === undefined ? wholeNumber('seeds', values.seeds) : 1;
  const running = await startBoth(startOther);
  const [etcd, other] = running;
  const [reach, allowed] = [new Reach(), new AllowList()];
  let differing = 0;
  let done = 0;
  try {
    if (values.with === 'lockstep' || values.with === 'etcd') {
      const fresh = await runFresh([etcd.store, other.store], { reach, allowed });
      if (fresh.findings.length > 0) {
        differing++;
        console.log(report(fresh, 'the stores as they begin'));
      }
    }
    for (; done < seeds && differing < differencesMax; done++) {
      const seed = first + done;
      const options = { seed, calls, reach, allowed };
      const result = await runSeed([etcd.store, other.store], options);
      if (result.findings.length === 0) continue;
      differing++;
      console.log(report(result, `seed ${seed}`, `--seed ${seed} --calls ${calls}`));
    }
  } catch (error) {
    console.error(`seed ${first + done}:`, error);
    for (const each of running) console.error(each.describe());
    return 1;
  } finally {
    await Promise.all(running.map((each) => each.stop()));
  }
  console.log(`what was reached:\n${reach.table()}\n\n${allowed.table()}\n`);
  const isShort = done * calls < requestsForReach;
  const missing = isShort ? [] : reach.missing;
  if (missing.length > 0) console.log(`never reached: ${missing.join('; ')}`);
  const seconds = Math.round(performance.now() / 1_000);
  console.log(`${done} seeds from ${first} with ${calls} calls, ${differing} differ, ${seconds} s`);
  return differing > 0 || missing.length > 0 ? 1 : 0;
}

process.exitCode = await main();
