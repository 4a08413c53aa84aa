import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type StopSignal, stopSignals } from '../../cli/src/io.ts';
import { run } from '../../cli/src/main.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is a terminal with so many characters in a row. */
  readonly columns?: number;
  /** Standard error is a terminal. */
  readonly errorIsTerminal?: boolean;
}

/** Runs the `lockstep` command in this process. */
export async function lockstep(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const running = startLockstep(args, options);
  return running.done;
}

export interface Running {
  /** Resolves when standard output holds this text. */
  seen(text: string): Promise<void>;
  /** Resolves when standard error does. */
  said(text: string): Promise<void>;
  stop(signal: StopSignal): void;
  readonly done: Promise<Outcome>;
}

export function startLockstep(args: readonly string[], options: CommandOptions = {}): Running {
  const stdin = new PassThrough();
  stdin.end(options.input ?? '');
  const terminal = options.columns === undefined ? {} : { isTTY: true, columns: options.columns };
  const isTTY = options.errorIsTerminal ?? false;
  const stdout = Object.assign(new PassThrough(), terminal);
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const [out, err] = [collect(stdout), collect(stderr)];
  const handlers = new Map<(signal: StopSignal) => void, readonly StopSignal[]>();
  const io = {
    ...{ stdin, stdout, stderr },
    env: options.env ?? {},
    onStop(run: (signal: StopSignal) => void, signals = stopSignals) {
      handlers.set(run, signals);
      return () => {
        handlers.delete(run);
      };
    },
  };
  const done = run(args, io).then((exitCode) => ({
    exitCode,
    stdout: out.bytes(),
    stderr: err.bytes().toString(),
  }));
  const stop = (signal: StopSignal): void => {
    for (const [handle, signals] of handlers) if (signals.includes(signal)) handle(signal);
  };
  return { seen: out.seen, said: err.seen, stop, done };
}

/** Runs the command as a process of its own, from source. */
export function spawnLockstep(
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
  const script = `import(${JSON.stringify(main)}).then((main) => main.runProcess())`;
  return spawn(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', '--eval', script, '--', 'lockstep', ...args],
    { env: { ...process.env, ...env }, stdio: 'pipe' },
  );
}

export async function ended(child: ChildProcess): Promise<number | string> {
  const [code, signal] = await once(child, 'close');
  return code ?? signal;
}

function collect(stream: PassThrough): { bytes(): Buffer; seen(text: string): Promise<void> } {
  const chunks: Buffer[] = [];
  const bytes = (): Buffer => Buffer.concat(chunks);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    bytes,
    async seen(text) {
      while (!bytes().includes(text)) await once(stream, 'data');
    },
  };
}
