/**
 * Fleets of simulated machines under random harm: `node --conditions=source --import tsx test/simulation/fleet.ts --seeds 50
 * [--from 1]`; one seed alone is replayed by `--seeds 1 --from SEED`.
 */
import { parseArgs } from 'node:util';
import { Random } from '../../server/src/core/base/random.ts';
import { storm } from '../harness/fleet-storm.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, from: { type: 'string', default: '1' } },
});

const reached = new Map<string, number>();
let revisions = 0;
let grants = 0;
const began = Date.now();
const first = Number(values.from);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  try {
    const report = await storm(seed, new Random(seed));
    revisions += report.revisions;
    grants += report.grants;
    for (const [what, count] of report.reached) reached.set(what, (reached.get(what) ?? 0) + count);
  } catch (error) {
    console.error(error);
    console.error(`\nseed ${seed} fails`);
    process.exit(1);
  }
}
for (const [what, count] of [...reached].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(`${String(count).padStart(7)}  ${what}`);
}
const seconds = Math.round((Date.now() - began) / 1000);
console.log(
  `${values.seeds} seeds from ${first}: ${grants} grants, ${revisions} revisions, all rules hold, ${seconds} s`,
);
