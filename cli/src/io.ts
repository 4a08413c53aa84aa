import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { ClientAuth, ClientTls } from '@lockstep/client';
import type { NameOnly } from './password.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGQUIT' | 'SIGTSTP';

/** What a command that is not told otherwise stops for. */
export const stopSignals: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** Characters in a row, of a terminal. */
  readonly columns?: number;
  /** Rows, of a terminal. */
  readonly rows?: number;
}

/** What the command needs of its process, so that a test can stand in for it. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `run` for each of these signals, instead of ending; undo with the returned function. */
  onStop(run: (signal: StopSignal) => void, signals?: readonly StopSignal[]): () => void;
}

export type OutputFormat = 'simple' | 'json' | 'table';

/** What every verb gets: its process, and the options all verbs share. */
export interface Context {
  readonly io: Io;
  readonly endpoints: readonly string[];
  /** Who named the endpoints; undefined for the default. */
  readonly endpointsFrom: '--endpoints' | 'LOCKSTEP_ENDPOINTS' | undefined;
  readonly timeoutMs: number;
  /** Who the user says to be; a password that is missing is asked for when there is a use for it. */
  readonly auth?: ClientAuth | NameOnly | undefined;
  readonly output: OutputFormat;
  /** What clients need for TLS; undefined where nothing was named. @throws Error when a file cannot be read. */
  tls(): ClientTls | undefined;
}

export const processIo: Io = {
  // Made by Node when they are first used, which takes its time.
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  env: process.env,
  onStop(run, signals = stopSignals) {
    for (const signal of signals) process.on(signal, run);
    return () => {
      for (const signal of signals) process.off(signal, run);
    };
  },
};

/** Writes and waits while the reader is slow, so that output does not pile up here. */
export async function print(io: Io, chunk: string | Uint8Array): Promise<void> {
  if (chunk.length === 0 || io.stdout.write(chunk)) return;
  await once(io.stdout, 'drain');
}

export function warn(io: Io, line: string): void {
  io.stderr.write(`lockstep: ${line}\n`);
}
