import { type ChildProcess, spawn } from 'node:child_process';
import { CapturedOutput } from './captured-output.ts';
import { endGroup, sendToGroup } from './process-group.ts';
import { durationText, oneLine } from './sentence.ts';

export interface CommandOptions {
  /** Its whole environment; that of this process when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** It is stopped after so many milliseconds. */
  readonly timeoutMs: number;
  /** How long it has between SIGTERM and SIGKILL, in milliseconds. Default 5 s. */
  readonly graceMs?: number;
  /** Stops it in the same way. */
  readonly signal?: AbortSignal;
}

/** How a command ended. */
export interface CommandEnd {
  /** Undefined when it did not exit by itself: not started, ended by a signal, stopped. */
  readonly code: number | undefined;
  /** "exit code 3", "signal SIGKILL", "no end within 10 min", "given up", `there is no program "x"`. */
  readonly how: string;
  /** The beginning of its standard output, at most 4 KiB. */
  readonly output: string;
  /** The end of its standard error, at most 4 KiB. */
  readonly errors: string;
  /** The last it said: the end of its standard error, or else of its output; at most 4 KiB. */
  readonly lastWords: string;
}

const graceMsDefault = 5_000;
/** How long the output of one that has exited is still read: what it left in the background may hold it open for ever. */
const lingerMs = 250;
/** How long the end of one that was killed is waited for. */
const killedMsMax = 1_000;

/** Runs a line of the shell; see runProgram. */
export function runShell(line: string, options: CommandOptions): Promise<CommandEnd> {
  return runProgram(['sh', '-c', line], options);
}

/**
 * Runs a program in a process group of its own and waits until it has exited. When it takes too long, or the signal
 * aborts, its whole group gets SIGTERM and after a grace SIGKILL, and the promise waits for that. What a program that
 * exits by itself left in the background goes on, without anybody who reads its output. Never rejects.
 */
export async function runProgram(
  words: readonly string[],
  { env, timeoutMs, graceMs = graceMsDefault, signal }: CommandOptions,
): Promise<CommandEnd> {
  const [file = '', ...args] = words;
  if (signal?.aborted) return notStarted('given up');
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      ...(env === undefined ? {} : { env }),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  } catch (error) {
    // Node throws what it has no event for, such as arguments that are too long.
    return notStarted(startFailure(file, error as NodeJS.ErrnoException));
  }
  const output = new CapturedOutput(child.stdout);
  const errors = new CapturedOutput(child.stderr);
  const exit = exitOf(child, file);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const release = child.pid === undefined ? () => {} : holdGroup(child.pid);
  const stopping = new Deadline(timeoutMs, signal);
  try {
    const first = await Promise.race([exit, stopping.reached]);
    const end = typeof first === 'string' ? { code: undefined, how: first } : first;
    if (typeof first !== 'string') await inTime(closed, lingerMs);
    else if (child.pid !== undefined) {
      await endGroup(child.pid, graceMs);
      // The kernel may hold a process that cannot be killed, and nobody else shall wait for that.
      await inTime(exit, killedMsMax);
    }
    const lastWords = errors.tail.trim() === '' ? output.tail : errors.tail;
    return { ...end, output: output.head, errors: errors.tail, lastWords };
  } finally {
    stopping.clear();
    release();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** Why a command failed, on one line: how it ended, and the last it said. */
export function failureOf({ how, lastWords }: CommandEnd): string {
  const said = oneLine(lastWords, 500);
  return said === '' ? how : `${how}: ${said}`;
}

/** The first line of the output that is not empty, as a line for people; undefined without one. */
export function firstLine({ output }: CommandEnd): string | undefined {
  const line = output.split('\n').find((one) => one.trim() !== '');
  return line === undefined ? undefined : oneLine(line, 200);
}

function notStarted(how: string): CommandEnd {
  return { code: undefined, how, output: '', errors: '', lastWords: '' };
}

function startFailure(file: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no program "${file}"`;
  if (code === 'EACCES') return `"${file}" may not be run`;
  return message;
}

type Exit = Pick<CommandEnd, 'code' | 'how'>;

function exitOf(child: ChildProcess, file: string): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: undefined, how: startFailure(file, error) });
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) resolve({ code: undefined, how: `signal ${signal}` });
      else resolve({ code: code ?? undefined, how: `exit code ${code}` });
    });
  });
}

/** Resolves with why to stop: after a time, or when a signal aborts. */
class Deadline {
  readonly reached: Promise<string>;
  /** Lets go of the clock and of the signal. */
  clear: () => void = () => {};

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.reached = new Promise((resolve) => {
      const timer = setTimeout(() => resolve(`no end within ${durationText(ms)}`), ms);
      const abort = (): void => resolve('given up');
      signal?.addEventListener('abort', abort, { once: true });
      this.clear = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
    });
  }
}

async function inTime(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const held = new Set<number>();

function killHeld(): void {
  for (const group of held) sendToGroup(group, 'SIGKILL');
}

/** A process that ends by a fault of its own takes its commands with it. @returns what lets the group go. */
function holdGroup(group: number): () => void {
  if (held.size === 0) process.once('exit', killHeld);
  held.add(group);
  return () => {
    held.delete(group);
    if (held.size === 0) process.off('exit', killHeld);
  };
}
