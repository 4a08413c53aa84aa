import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { deadline } from '../runner/deadline.ts';
import type { SimReport, SimTask, TaskRunner } from './sim-task.ts';

/** Nothing of this process outlives it, not even what hangs. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Far above what a seed takes on a busy machine; who takes longer hangs. */
export const seedMsMax = 120_000;
/** The end of what a worker wrote before it died. */
const stderrCharsMax = 4_000;

export interface SimWorkerOptions {
  readonly msMax?: number;
  /** More modules to load first. */
  readonly imports?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What to run in place of the simulator's worker. */
  readonly program?: URL;
}

/**
 * A process of its own that runs one simulation at a time. One that dies or takes too long is reported as lost, and
 * the next task gets a new process.
 */
export class SimWorker implements TaskRunner {
  readonly #options: SimWorkerOptions;
  #child: ChildProcess | undefined;
  #stderr = '';

  constructor(options: SimWorkerOptions = {}) {
    this.#options = options;
  }

  async run(task: SimTask): Promise<SimReport> {
    const child = this.#child ?? this.#start();
    const { msMax = seedMsMax } = this.#options;
    return new Promise((resolve) => {
      const end = (report: SimReport): void => {
        cancel();
        child.removeAllListeners('message').removeAllListeners('exit').removeAllListeners('error');
        // Whoever is killed late may still say so.
        child.on('error', () => {});
        if (report.type === 'lost') this.#child = undefined;
        resolve(report);
      };
      const cancel = deadline(msMax, () => {
        child.kill('SIGKILL');
        end({ type: 'lost', message: `it did not end within ${msMax / 1_000} s` });
      });
      child.once('message', (report: SimReport) => end(report));
      child.once('error', (error) =>
        end({ type: 'lost', message: `its worker failed: ${error.message}` }),
      );
      child.once('exit', (code, signal) => {
        const how = signal === null ? `with code ${code}` : `by ${signal}`;
        end({ type: 'lost', message: `its worker ended ${how}\n${this.#stderr}`.trimEnd() });
      });
      child.send(task, (error) => {
        if (error !== null) child.kill('SIGKILL');
      });
    });
  }

  #start(): ChildProcess {
    const {
      imports = [],
      env = {},
      program = new URL('worker.ts', import.meta.url),
    } = this.#options;
    const modules = [import.meta.resolve('tsx'), ...imports];
    const child = fork(fileURLToPath(program), [], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      execArgv: ['--conditions=source', ...modules.flatMap((module) => ['--import', module])],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-stderrCharsMax);
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    this.#child = child;
    return child;
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
