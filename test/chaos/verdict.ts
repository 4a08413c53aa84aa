import { checkHistory } from '../checkers/check-history.ts';
import { Violation } from '../checkers/violation.ts';
import type { Recording } from './history-file.ts';
import { lostWrites } from './lost-writes.ts';

/** What a recording shows. */
export interface Verdict {
  /** Everything that is wrong, in sentences. */
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly lost: number;
  /** Operations that have a place in the one order, and gave its answer. */
  readonly checked: number;
  readonly unknownWrites: number;
  readonly expiries: number;
  readonly watchEvents: number;
  readonly watchSessions: number;
}

const examplesMax = 5;

/** Has all checkers look at it. */
export function judge({ history, states }: Recording): Verdict {
  const violations: string[] = [];
  const { acknowledged, lost } = lostWrites(history, states);
  violations.push(...lost.slice(0, examplesMax).map((what) => `lost: ${what}`));
  violations.push(...differences(states));
  violations.push(...outliving(states));
  const none = { checked: 0, unknownWrites: 0, expiries: 0, watchEvents: 0, watchSessions: 0 };
  const report = checked(history, violations) ?? none;
  const { unknownWrites, expiries, watchEvents, watchSessions } = report;
  return {
    violations,
    acknowledged,
    lost: lost.length,
    checked: report.checked,
    unknownWrites,
    expiries,
    watchEvents,
    watchSessions,
  };
}

function checked(
  history: Recording['history'],
  violations: string[],
): ReturnType<typeof checkHistory> | undefined {
  try {
    return checkHistory(history);
  } catch (error) {
    // A checker that gives up has found nothing right.
    const isViolation = error instanceof Violation;
    violations.push(isViolation ? error.message : `the checkers failed: ${String(error)}`);
    return undefined;
  }
}

/** Members that stand at one entry of the log hold the same, to the last bit. */
function differences(states: Recording['states']): string[] {
  const [first, ...rest] = states;
  return rest
    .filter(
      ({ hash, revision, pairs }) =>
        hash !== first?.hash ||
        revision !== first.revision ||
        JSON.stringify(pairs) !== JSON.stringify(first.pairs),
    )
    .map(({ member }) => `the final state of ${member} differs from that of ${first?.member}`);
}

/** The states are looked at when every lease has ended, so no key may be attached to one. */
function outliving(states: Recording['states']): string[] {
  const [first] = states;
  const left = first?.pairs.filter(({ lease }) => lease !== undefined) ?? [];
  return left.slice(0, examplesMax).map(({ key, lease }) => `${key} outlives its lease ${lease}`);
}
