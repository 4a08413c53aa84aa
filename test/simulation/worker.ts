/** A process that runs the plans it is sent, one after the other, and answers each. See sim-worker.ts. */
import { writeFileSync } from 'node:fs';
import { History } from '../checkers/history.ts';
import { timelinePage } from '../checkers/timeline.ts';
import { markHarm } from './harm-lines.ts';
import { reachedIn } from './reached.ts';
import { commandOf } from './sim-options.ts';
import type { SimReport, SimTask } from './sim-task.ts';
import { simulate } from './simulate.ts';

function report({ plan, timeline }: SimTask): SimReport {
  const history = new History();
  try {
    const listeners = timeline === undefined ? {} : { history, trace: markHarm(history) };
    const { acknowledged, events, coverage } = simulate(plan, listeners);
    return { type: 'held', acknowledged, events, reached: reachedIn(coverage) };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const { name: kind, message, stack = message } = error;
    const drawn =
      timeline === undefined ? {} : draw(history, { timeline, command: commandOf(plan), message });
    return { type: 'failed', kind, message, stack, ...drawn };
  }
}

function draw(
  history: History,
  run: { timeline: string; command: string; message: string },
): { timeline: string } | Record<string, never> {
  if (history.operations.length === 0) return {};
  history.close();
  writeFileSync(run.timeline, timelinePage(history, { title: run.command, note: run.message }));
  return { timeline: run.timeline };
}

process.on('message', (task: SimTask) => process.send?.(report(task)));
process.on('disconnect', () => process.exit(0));
