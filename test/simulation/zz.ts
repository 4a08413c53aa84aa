import { Coverage } from './coverage.ts';
import { planOf } from './plan.ts';
import { simulate } from './simulate.ts';

const [from, to] = process.argv.slice(2).map(Number) as [number, number];
const c = new Coverage();
const t = Date.now();
for (let s = from; s <= to; s++) {
  try {
    c.add(simulate(planOf(s)).coverage);
  } catch (e) {
    console.log('seed', s, String((e as Error).stack).slice(0, 900));
  }
}
console.log(c.table());
console.log('missing', c.missing, (Date.now() - t) / (to - from + 1));
