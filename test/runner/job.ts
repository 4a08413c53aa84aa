import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcessGroup, killProcessGroup } from './process-group.ts';
import type { Line } from './reporter.ts';
import { type FileResult, tally } from './tally.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The end of what a process wrote, in bytes; more than this says nothing that the end does not. */
const outputBytesMax = 64 * 1024;

export interface JobResult {
  readonly files: readonly FileResult[];
  /** The end of what the tests wrote on stdout and stderr. */
  readonly output: string;
}

export interface JobOptions {
  readonly root: string;
  /** A process that runs longer is killed, and that is a failure. */
  readonly msMax: number;
}

const running = new Set<number>();

/** Ends every process of tests at once, with all that they started. */
export function killJobs(): void {
  for (const pid of running) killProcessGroup(pid);
}

/** Runs the tests of some files in one process. */
export async function runJob(files: readonly string[], options: JobOptions): Promise<JobResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-tests-'));
  try {
    const events = join(folder, 'events');
    const { output, fault } = await runProcess(files, events, options);
    const text = await readFile(events, 'utf8').catch(() => '');
    return { files: tally(files, parseLines(text), fault), output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The last line may be cut off when the process was killed. */
function parseLines(text: string): Line[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  // The reporter in the same folder wrote these lines, so their form is known.
  return whole.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}

async function runProcess(files: readonly string[], events: string, options: JobOptions) {
  const child = spawn(
    process.execPath,
    [
      ...['--conditions=source', '--import', import.meta.resolve('tsx')],
      `--test-reporter=${here('reporter.ts')}`,
      `--test-reporter-destination=${events}`,
      here('entry.ts'),
      ...files,
    ],
    // Its own process group, so that what a failing test left running can be found and ended.
    {
      cwd: options.root,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  const tail = new Tail();
  child.stdout.on('data', (bytes: Buffer) => tail.add(bytes));
  child.stderr.on('data', (bytes: Buffer) => tail.add(bytes));
  const closed = once(child, 'close');
  const fault = await ending(child, options.msMax);
  await closed;
  return { output: tail.text(), fault };
}

async function ending(child: ChildProcess, msMax: number): Promise<string | undefined> {
  const { pid } = child;
  if (pid === undefined) return 'the process did not start';
  running.add(pid);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killProcessGroup(pid);
  }, msMax);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(timer);
  const left = await endProcessGroup(pid);
  running.delete(pid);
  if (late) return `killed after ${msMax / 1000} s: a test hangs, or something is still open`;
  if (signal !== null) return `the process was ended by ${signal}`;
  if (left.length > 0) return `the tests left processes running: ${left.join('; ')}`;
  // Exit code 1 is how node:test says that a test failed, which the events say better.
  return code === 0 || code === 1 ? undefined : `the process exited with code ${code}`;
}

/** A person's own settings must not decide what the tests see; those of a test (`WAL`, `FUZZ`) may. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(LOCKSTEP_(?!WAL_|FUZZ_)|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

class Tail {
  #bytes = Buffer.alloc(0);

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]).subarray(-outputBytesMax);
  }

  text(): string {
    return this.#bytes.toString();
  }
}
