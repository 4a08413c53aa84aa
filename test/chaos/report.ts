import { median } from '../e2e/kill-rounds.ts';
import type { ChaosResult } from './chaos.ts';
import { faults, missing } from './nemesis.ts';
import type { Tools } from './tools.ts';
import type { Verdict } from './verdict.ts';

type Row = readonly [what: string, value: string | number];

/** The median and the worst that a kill of the leader may cost. */
export const unavailableBounds = { medianMs: 2_000, worstMs: 5_000 };

/** What a run did and showed, for people. */
export function table(
  { history, done, unavailableMs }: ChaosResult,
  tools: Tools,
  verdict: Verdict,
  seconds: number,
): string {
  return [
    section('faults done', faultRows(done, tools)),
    section('operations: ok, refused, unknown', operationRows(history)),
    section('refused, and the error', refusalRows(history)),
    section('checks', [
      ['operations', history.operations.length],
      ['operations checked', verdict.checked],
      ['writes of unknown outcome that took effect', verdict.unknownWrites],
      ['leases that ended by themselves', verdict.expiries],
      ['writes acknowledged', verdict.acknowledged],
      ['acknowledged writes lost', verdict.lost],
      ['watch events checked', `${verdict.watchEvents} in ${verdict.watchSessions} sessions`],
      ['violations', verdict.violations.length],
    ]),
    section('unavailable after a kill of the leader', [
      ['measured', unavailableMs.length],
      ['median', milliseconds(median(unavailableMs))],
      ['worst', milliseconds(Math.max(0, ...unavailableMs))],
    ]),
    section('cost', [
      ['time taken', `${Math.round(seconds)} s`],
      ['most memory of this program', `${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`],
    ]),
  ].join('\n');
}

/** One sentence for each bound that was not kept. */
export function slowness({ unavailableMs }: Pick<ChaosResult, 'unavailableMs'>): string[] {
  if (unavailableMs.length === 0) return [];
  const { medianMs, worstMs } = unavailableBounds;
  const [middle, worst] = [median(unavailableMs), Math.max(...unavailableMs)];
  return [
    ...(middle >= medianMs
      ? [`unavailable for ${milliseconds(middle)} in the median, the bound is ${medianMs} ms`]
      : []),
    ...(worst >= worstMs
      ? [`unavailable for ${milliseconds(worst)} at worst, the bound is ${worstMs} ms`]
      : []),
  ];
}

function faultRows(done: ChaosResult['done'], tools: Tools): Row[] {
  return faults.map((fault) => {
    const why = missing(fault, tools);
    const count = done.get(fault.name) ?? 0;
    return [fault.name, why === undefined ? count : `not here: ${why.missing}`];
  });
}

function operationRows({ operations }: ChaosResult['history']): Row[] {
  const counts = new Map<string, { ok: number; refused: number; unknown: number }>();
  for (const { request, outcome } of operations) {
    const isOld = request.type === 'range' && request.isSerializable === true;
    const kind = isOld ? 'range (serializable)' : request.type;
    const row = counts.get(kind) ?? { ok: 0, refused: 0, unknown: 0 };
    row[outcome.type]++;
    counts.set(kind, row);
  }
  return [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([kind, { ok, refused, unknown }]) => [kind, `${ok}, ${refused}, ${unknown}`]);
}

function refusalRows({ operations }: ChaosResult['history']): Row[] {
  const counts = new Map<string, number>();
  for (const { request, outcome } of operations) {
    if (outcome.type !== 'refused') continue;
    const what = `${request.type}: ${outcome.code}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
}

function section(title: string, rows: readonly Row[]): string {
  return [title, ...rows.map(([what, value]) => `  ${what.padEnd(50)} ${value}`)].join('\n');
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}
