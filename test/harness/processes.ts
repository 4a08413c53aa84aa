/**
 * Real `lockstep` processes for the end-to-end tests: members with ports and directories of their own,
 * which can be started, stopped, killed, paused and started again, and which never outlive the test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StatusResult } from '@lockstep/client/protocol';

const command = fileURLToPath(new URL('../../cli/bin/lockstep.js', import.meta.url));
const patienceMs = 20_000;
const pollMs = 50;
const logCharactersMax = 64 * 1024;
const logTailCharacters = 3_000;

const live = new Set<ChildProcess>();
const undone: (() => void)[] = [];
process.once('exit', () => {
  for (const child of live) child.kill('SIGKILL');
  for (const undo of undone.splice(0).reverse()) undo();
});

/** Runs `undo` when this process ends, whatever happened before. */
export function atExit(undo: () => void): void {
  undone.push(undo);
}

/** A directory that is gone when the tests end. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-e2e-'));
  atExit(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface ProgramOptions {
  /** What standard input gives; default nothing. */
  readonly input?: string;
  /** The working directory; default this process's. */
  readonly directory?: string;
  /** Variables beside those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the `lockstep` command. */
export class Program {
  readonly exited: Promise<Exit>;
  /** Of `serve`: resolves when clients can connect, and rejects when it ends before. */
  readonly serving: Promise<void>;
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  #stdout = '';
  #stderr = '';
  #exit: Exit | undefined;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    this.#args = args;
    // A member stops when its channel to a parent breaks: so it cannot outlive a test that was killed.
    const channel = args[0] === 'serve' ? (['ipc'] as const) : [];
    const child = spawn(process.execPath, [command, ...args], {
      env: { ...environment(), ...options.variables },
      cwd: options.directory,
      stdio: ['pipe', 'pipe', 'pipe', ...channel],
    });
    this.#child = child;
    live.add(child);
    child.stdin?.on('error', () => {}); // It may end without having read its input.
    child.stdin?.end(options.input ?? '');
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-logCharactersMax);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-logCharactersMax);
    });
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        live.delete(child);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    this.serving = new Promise((resolve, reject) => {
      child.once('message', () => resolve());
      this.exited.then(() => reject(new Error(this.describe())), reject);
    });
    this.serving.catch(() => {}); // Not everybody waits for it.
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What it was and what it said, for failure messages. */
  describe(): string {
    const how = this.#exit === undefined ? 'running' : JSON.stringify(this.#exit);
    const [out, err] = [this.#stdout, this.#stderr].map((text) => text.slice(-logTailCharacters));
    return `lockstep ${this.#args.join(' ')} (${how})\n-- stdout:\n${out}\n-- stderr:\n${err}`;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Nobody reads its output any more. */
  deafen(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Waits until its output (both kinds) matches. @throws Error when it does not. */
  async said(pattern: RegExp): Promise<RegExpMatchArray> {
    const find = () => `${this.#stdout}\n${this.#stderr}`.match(pattern) ?? undefined;
    return until(`it says ${pattern}`, find, { describe: () => this.describe() });
  }

  /** Waits for the end of it. @throws Error when it goes on. */
  async ended(withinMs = patienceMs): Promise<Exit> {
    const giveUp = new AbortController();
    const late = sleep(withinMs, undefined, { signal: giveUp.signal }).then(() => {
      throw new Error(`it did not end within ${withinMs} ms: ${this.describe()}`);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      late.catch(() => {});
      giveUp.abort();
    }
  }
}

/** Runs a command line to its end. */
export async function lockstep(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const program = new Program(args, options);
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** What tests set would be taken for the operator's wish. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('LOCKSTEP_') && !/^(NODE_OPTIONS|NODE_TEST_CONTEXT)$/.test(name),
  );
  return Object.fromEntries(kept);
}

/**
 * Polls until `probe` gives something. A probe that throws is tried again.
 * @throws Error with what was waited for, what the probe last threw, and `describe()`.
 */
export async function until<Found>(
  what: string,
  probe: () => Promise<Found | undefined | false> | Found | undefined | false,
  options: { readonly describe?: () => string; readonly withinMs?: number } = {},
): Promise<Found> {
  const { describe = () => '', withinMs = patienceMs } = options;
  const giveUpAt = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > giveUpAt) break;
    await sleep(pollMs);
  }
  const because = last === undefined ? '' : ` (${String(last)})`;
  throw new Error(`not within ${withinMs} ms: ${what}${because}\n${describe()}`);
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One HTTP request on a connection of its own. */
export function http(
  address: string,
  path: string,
  options: {
    readonly method?: string;
    readonly body?: string | Uint8Array;
    timeoutMs?: number;
  } = {},
): Promise<HttpAnswer> {
  const { method = 'GET', body, timeoutMs = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const url = `http://${address}${path}`;
    const call = request(url, { method, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

export async function statusOf(address: string): Promise<StatusResult> {
  const answer = await http(address, '/v1/maintenance.status', {
    method: 'POST',
    timeoutMs: 2_000,
  });
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body);
}

const given = new Set<number>();

/**
 * Ports of 127.0.0.1 that nobody listens on, below those that the system hands to outgoing
 * connections: one of these could otherwise take the port of a member while that is down.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePortRun(1));
  return ports;
}

/** The first of so many free ports in a row. */
export async function freePortRun(length: number): Promise<number> {
  const end = firstEphemeralPort();
  const begin = Math.max(1_024, end - 20_000);
  for (;;) {
    const first = begin + Math.floor(Math.random() * (end - begin - length));
    const run = Array.from({ length }, (_, at) => first + at);
    const free = await Promise.all(run.map((port) => !given.has(port) && isFree(port)));
    if (!free.every(Boolean)) continue;
    for (const port of run) given.add(port);
    return first;
  }
}

function firstEphemeralPort(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
  } catch {
    return 32_768; // Not Linux; what most systems use is above.
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
