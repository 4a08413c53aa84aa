import type { History } from './history.ts';
import { checkLinearizable, type LinearizabilityReport } from './linearizability.ts';
import { checkWatcher } from './watch-rules.ts';

export interface HistoryReport extends LinearizabilityReport {
  readonly watchEvents: number;
  readonly watchSessions: number;
}

/**
 * Everything that a history alone can show: that all operations have one order, and that each watcher was told of it.
 * @param compactedTo the newest revision that anybody compacted to, by itself too; what a history says of it is counted in.
 * @throws Violation; Error when the checker gives up.
 */
export function checkHistory(
  history: Pick<History, 'operations' | 'watchers'>,
  compactedTo = 0,
): HistoryReport {
  const report = checkLinearizable(history);
  const asked = history.operations.map(({ request, outcome }) =>
    request.type === 'compact' && outcome.type !== 'refused' ? request.revision : 0,
  );
  const compacted = asked.reduce((most, one) => Math.max(most, one), compactedTo);
  let watchEvents = 0;
  let watchSessions = 0;
  for (const watcher of history.watchers) {
    const { events, sessions } = checkWatcher(watcher, report.model, compacted);
    watchEvents += events;
    watchSessions += sessions;
  }
  return { ...report, watchEvents, watchSessions };
}
