/** `npm run sim -- --seed N` replays one seed with its trace; `--seeds COUNT [--from N]` runs many. */
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
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
  const { acknowledged, events } = simulate(seed, (line) => console.log(line));
  console.log(
    `seed ${seed}: ${acknowledged} writes acknowledged, ${events} events, all checks hold`,
  );
}

function swarm(first: number, count: number): void {
  const coverage = new Coverage();
  const began = Date.now();
  let acknowledged = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      const result = simulate(seed);
      coverage.add(result.coverage);
      acknowledged += result.acknowledged;
    } catch (error) {
      console.error(error);
      console.error(`\nseed ${seed} fails; replay it with: npm run sim -- --seed ${seed}`);
      process.exit(1);
    }
    const done = seed - first + 1;
    if (done % 100 === 0 || done === count) {
      const perMinute = Math.round((done / (Date.now() - began)) * 60_000);
      console.log(`${done} of ${count} seeds, ${perMinute} a minute, ${acknowledged} writes`);
    }
  }
  console.log(`\n${coverage.table()}\n`);
  if (coverage.missing.length > 0 && count >= 100) {
    console.error(`never reached: ${coverage.missing.join('; ')}`);
    process.exit(1);
  }
}

if (values.seed !== undefined) replay(wholeNumber('seed', values.seed));
else swarm(wholeNumber('from', values.from), wholeNumber('seeds', values.seeds ?? '100'));
