/**
 * `npm run sim -- --seed N` replays one seed with its trace; `--seeds COUNT` or `--minutes M`, with
 * `[--from N]`, runs many and prints what they reached.
 */
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { planOf } from './plan.ts';
import { simulate } from './simulate.ts';

/** So many seeds must reach everything that the coverage table lists. */
const seedsForCoverage = 2_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    from: { type: 'string', default: '1' },
  },
});

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not "${text}"`);
  process.exit(2);
}

function replay(seed: number): void {
  const { acknowledged, events } = simulate(planOf(seed), { trace: (line) => console.log(line) });
  console.log(
    `seed ${seed}: ${acknowledged} writes acknowledged, ${events} events, all checks hold`,
  );
}

/** Until so many seeds are done, or so many minutes have passed. */
function swarm(first: number, bound: { seeds: number; minutes: number }): void {
  const coverage = new Coverage();
  const began = Date.now();
  const until = began + bound.minutes * 60_000;
  let acknowledged = 0;
  let done = 0;
  const progress = (): void => {
    const perMinute = Math.round((done / (Date.now() - began)) * 60_000);
    console.log(`${done} seeds from ${first}, ${perMinute} a minute, ${acknowledged} writes`);
  };
  while (done < bound.seeds && Date.now() < until) {
    const seed = first + done;
    try {
      const result = simulate(planOf(seed));
      coverage.add(result.coverage);
      acknowledged += result.acknowledged;
    } catch (error) {
      console.error(error);
      console.error(`\nseed ${seed} fails; replay it with: npm run sim -- --seed ${seed}`);
      process.exit(1);
    }
    done++;
    if (done % 100 === 0) progress();
  }
  progress();
  console.log(`\n${coverage.table()}\n`);
  if (done >= seedsForCoverage && coverage.missing.length > 0) {
    console.error(`never reached: ${coverage.missing.join('; ')}`);
    process.exit(1);
  }
}

if (values.seed !== undefined) replay(wholeNumber('seed', values.seed));
else {
  swarm(wholeNumber('from', values.from), {
    seeds: wholeNumber(
      'seeds',
      values.seeds ?? (values.minutes === undefined ? '100' : '1000000000'),
    ),
    minutes: wholeNumber('minutes', values.minutes ?? '100000'),
  });
}
