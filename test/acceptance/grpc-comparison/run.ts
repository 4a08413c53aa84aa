/**
 * Compares Lockstep with etcd over gRPC, message by message:
 * `npm run compare -- --seeds 100 --calls 300`, with `--from N` or `--seed N`. `--with etcd` compares
 * etcd with a second etcd.
 */
import { parseArgs } from 'node:util';
import { AllowList } from './allowed.ts';
import { RawReach } from './reach.ts';
import { report } from './report.ts';
import { runSeed } from './run-raw-seed.ts';
import { startBoth, startEtcd, startLockstep } from './servers.ts';

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
const requestsForReach = 6_000;
/** Seeds that differ, after which it is enough. */
const differencesMax = 3;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not "${text}"`);
  process.exit(2);
}

async function main(): Promise<number> {
  const calls = wholeNumber('calls', values.calls);
  const first = wholeNumber('from', values.seed ?? values.from);
  const seeds = values.seed === undefined ? wholeNumber('seeds', values.seeds) : 1;
  if (values.with !== 'etcd' && values.with !== 'lockstep') {
    console.error(`--with takes lockstep or etcd, not "${values.with}"`);
    return 2;
  }
  const running = await startBoth(values.with === 'etcd' ? startEtcd : startLockstep);
  const [etcd, other] = running;
  const [reach, allowed] = [new RawReach(), new AllowList()];
  let differing = 0;
  let done = 0;
  try {
    for (; done < seeds && differing < differencesMax; done++) {
      const seed = first + done;
      const options = { seed, calls, reach, allowed };
      const result = await runSeed([etcd.store, other.store], options);
      if (result.found.length === 0) continue;
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
  const unused = isShort ? [] : allowed.unused;
  if (unused.length > 0) console.log(`rows that nothing needed: ${unused.join('; ')}`);
  const seconds = Math.round(performance.now() / 1_000);
  console.log(`${done} seeds from ${first} with ${calls} calls, ${differing} differ, ${seconds} s`);
  return differing > 0 || missing.length > 0 || unused.length > 0 ? 1 : 0;
}

process.exitCode = await main();
