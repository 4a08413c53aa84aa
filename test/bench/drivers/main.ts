/**
 * The driver process: takes one job over the IPC channel, runs it until told to stop, answers with
 * a report. It is a process of its own so that its CPU time can be told from everything else's.
 */
import { FanOut } from './fan-out.ts';
import type { FromDriver, Job, Task, ToDriver } from './job.ts';
import { Load } from './load.ts';
import { LockCycles } from './lock-cycles.ts';

let task: Task | undefined;
let failed = false;

function tell(message: FromDriver): void {
  process.send?.(message);
}

function fail(reason: string): void {
  if (!failed) tell({ type: 'failed', reason });
  failed = true;
}

function taskOf(job: Job): Task {
  if (job.kind === 'lock') return new LockCycles(job, fail);
  return job.kind === 'load' ? new Load(job, fail) : new FanOut(job, fail);
}

async function take(message: ToDriver): Promise<void> {
  if (message.type === 'start') {
    task = taskOf(message.job);
    await task.start();
    tell({ type: 'running' });
  } else if (task !== undefined) {
    tell({ type: 'report', report: await task.stop(message.window) });
    process.disconnect();
  }
}

process.on('message', (message: ToDriver) => {
  take(message).catch((error: unknown) => fail(String(error)));
});
process.once('disconnect', () => process.exit());
