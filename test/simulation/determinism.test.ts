import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOf } from './plan.ts';
import { simulate } from './simulate.ts';

function traceOf(seed: number): string {
  const lines: string[] = [];
  simulate(planOf(seed), { trace: (line) => lines.push(line) });
  return lines.join('\n');
}

test('the same seed gives the same trace, byte for byte', () => {
  const first = traceOf(7);
  assert.ok(first.length > 10_000, 'the trace tells what happened');
  assert.equal(traceOf(7), first);
});

test('another seed gives another trace', () => {
  assert.notEqual(traceOf(8), traceOf(7));
});
