import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromDriver, Job, ToDriver } from './drivers/job.ts';
import type { DriverReport, Window } from './model.ts';
import { adopt } from './processes.ts';

const driverMain = fileURLToPath(new URL('drivers/main.ts', import.meta.url));
const answerPatienceMs = 60_000;

/** Load that is under way. */
export interface Driver {
  readonly pids: readonly number[];
  /** Ends the load. @throws Error when the driver saw a failure at any time. */
  stop(window: Window): Promise<DriverReport>;
}

/**
 * Starts a driver process and waits until its load is under way.
 * @param nodeArguments for its Node, for example `--cpu-prof`.
 */
export async function startDriver(
  job: Job,
  nodeArguments: readonly string[] = [],
): Promise<Driver> {
  const child = fork(driverMain, { execArgv: [...process.execArgv, ...nodeArguments] });
  adopt(child);
  let answer: { resolve: (message: FromDriver) => void; reject: (error: Error) => void };
  let failure: Error | undefined;
  const next = (): Promise<FromDriver> =>
    new Promise((resolve, reject) => {
      const late = new Error(`the driver gave no answer within ${answerPatienceMs / 1000} s`);
      const timer = setTimeout(() => refuse(late), answerPatienceMs);
      answer = {
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      if (failure !== undefined) answer.reject(failure);
    });
  const refuse = (error: Error): void => {
    failure ??= error;
    child.kill('SIGKILL');
    answer.reject(failure);
  };
  child.on('message', (message: FromDriver) => {
    if (message.type === 'failed') refuse(new Error(message.reason));
    else answer.resolve(message);
  });
  child.once('exit', () => refuse(new Error('the driver process ended early')));
  const running = next();
  send({ type: 'start', job });
  await running;
  return {
    pids: [child.pid ?? -1],
    async stop(window) {
      const report = next();
      send({ type: 'stop', window });
      const message = await report;
      if (message.type !== 'report') throw new Error(`the driver answered ${message.type}`);
      return message.report;
    },
  };

  function send(message: ToDriver): void {
    if (child.connected) child.send(message);
  }
}
