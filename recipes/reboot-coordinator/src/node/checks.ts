import { connect } from 'node:net';
import type { CheckResult } from '../agent/host.ts';
import { PolicyError } from '../policy/fault.ts';
import { durationText, oneLine } from './sentence.ts';
import { failureOf, runProgram, runShell } from './shell-command.ts';

/** Something that must be so before a host counts as back in service; `text` is how it was written. */
export type Check =
  | { readonly kind: 'unit'; readonly text: string; readonly unit: string }
  | { readonly kind: 'http'; readonly text: string; readonly url: string }
  | {
      readonly kind: 'tcp';
      readonly text: string;
      readonly host: string;
      readonly port: number;
    }
  | { readonly kind: 'command'; readonly text: string; readonly line: string }
  | { readonly kind: 'key'; readonly text: string; readonly key: string };

/** What `parseCheck` reads, for people. */
export const checkForms = [
  'unit:<name>',
  'http://<url>',
  'https://<url>',
  'tcp:<host>:<port>',
  'command:<line of the shell>',
  'key:<key of the store>',
] as const;

/** Says whether a key of the store is there; `{id}` in it stands for the host's id. */
export type KeyCheck = (key: string, signal: AbortSignal) => Promise<CheckResult>;

export interface CheckContext {
  readonly env: NodeJS.ProcessEnv;
  /** For each check, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly keyCheck?: KeyCheck | undefined;
}

const green: CheckResult = { isGreen: true };
const red = (why: string): CheckResult => ({ isGreen: false, why });

/** A command that is stopped has no work to save. */
const commandGraceMs = 1_000;

/**
 * Reads a check as people write it.
 *
 * @throws {PolicyError} if there is no such check, or something in it is wrong.
 */
export function parseCheck(text: string): Check {
  const [, kind, value = ''] = /^(unit|https?|tcp|command|key):(.*)$/s.exec(text.trim()) ?? [];
  switch (kind) {
    case 'unit':
      if (/^[\w:.@\\][\w:.@\\-]*$/.test(value)) return { kind, text, unit: value };
      throw new PolicyError(`"${text}": a unit has a name as systemd has it: unit:nginx.service`);
    case 'http':
    case 'https':
      return { kind: 'http', text, url: checkedUrl(text) };
    case 'tcp':
      return { kind, text, ...checkedAddress(text, value) };
    case 'command':
      if (value.trim() !== '') return { kind, text, line: value.trim() };
      throw new PolicyError('a check "command:" names its command after it');
    case 'key':
      if (value !== '') return { kind, text, key: value };
      throw new PolicyError('a check "key:" names a key of the store after it: key:apps/web/{id}');
    default:
      throw new PolicyError(`"${text}" is no check; there are ${checkForms.join(', ')}`);
  }
}

/** Runs all at once, each against its own deadline; red with one sentence for each that is. Never rejects. */
export async function runChecks(
  checks: readonly Check[],
  context: CheckContext,
): Promise<CheckResult> {
  const results = await Promise.all(checks.map((check) => runCheck(check, context)));
  const whys = results.flatMap((result) => (result.isGreen ? [] : [result.why]));
  return whys.length === 0 ? green : red(whys.join('; '));
}

/** Never rejects; one that does not answer in time is red. */
export async function runCheck(check: Check, context: CheckContext): Promise<CheckResult> {
  const name = oneLine(check.text, 200);
  try {
    const result = await resultOf(check, context);
    return result.isGreen ? green : red(`${name}: ${result.why}`);
  } catch (error) {
    return red(`${name}: ${oneLine(reasonOf(error), 300)}`);
  }
}

function resultOf(check: Check, context: CheckContext): Promise<CheckResult> {
  switch (check.kind) {
    case 'unit':
      return unitCheck(check.unit, context);
    case 'http':
      return inTime(context, (signal) => httpCheck(check.url, signal));
    case 'tcp':
      return inTime(context, (signal) => tcpCheck(check, signal));
    case 'command':
      return commandCheck(check.line, context);
    case 'key': {
      const { keyCheck } = context;
      if (keyCheck === undefined) return Promise.resolve(red('there is no store to ask here'));
      return inTime(context, (signal) => keyCheck(check.key, signal));
    }
  }
}

async function unitCheck(unit: string, context: CheckContext): Promise<CheckResult> {
  const words = ['systemctl', 'is-active', unit];
  const end = await runProgram(words, { ...context, graceMs: commandGraceMs });
  if (end.code === 0) return green;
  const state = oneLine(end.output, 100);
  return red(end.code === undefined || state === '' ? failureOf(end) : `is ${state}`);
}

async function commandCheck(line: string, context: CheckContext): Promise<CheckResult> {
  const end = await runShell(line, { ...context, graceMs: commandGraceMs });
  return end.code === 0 ? green : red(failureOf(end));
}

async function httpCheck(url: string, signal: AbortSignal): Promise<CheckResult> {
  const headers = { connection: 'close' };
  // A redirect says nothing about what is behind it, so it is an answer like any other that is not 2xx.
  const response = await fetch(url, { signal, redirect: 'manual', headers });
  await response.body?.cancel();
  return response.ok ? green : red(`answers ${response.status}`);
}

function tcpCheck(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const abort = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      resolve(green);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new Error('given up'));
    });
  });
}

/** Gives work a signal that aborts when its time is over, and does not wait longer even if it takes no notice. */
async function inTime(
  { timeoutMs, signal }: CheckContext,
  work: (signal: AbortSignal) => Promise<CheckResult>,
): Promise<CheckResult> {
  if (signal.aborted) return red('given up');
  const ending = new AbortController();
  let finish: (result: CheckResult) => void = () => {};
  const over = new Promise<CheckResult>((resolve) => {
    finish = resolve;
  });
  const end = (why: string): void => {
    finish(red(why));
    ending.abort();
  };
  const late = setTimeout(() => end(`no answer within ${durationText(timeoutMs)}`), timeoutMs);
  const abort = (): void => end('given up');
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([over, work(ending.signal)]);
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', abort);
  }
}

/** What `fetch` could not do stands in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? reasonOf(error.cause) : '';
  if (cause !== '') return cause;
  // Several addresses of a name were tried, and the error of all has no text of its own.
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(reasonOf).join(', ');
  }
  return error.message;
}

function checkedUrl(text: string): string {
  const example = 'a check of HTTP is a whole address: http://127.0.0.1:8080/health';
  if (!/^https?:\/\/[^/?#]/.test(text.trim())) throw new PolicyError(`"${text}": ${example}`);
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new PolicyError(`"${text}": ${example}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new PolicyError(
      `the check of ${url.host} has a password in its address, which all could read; use "command:curl ..."`,
    );
  }
  return url.href;
}

function checkedAddress(text: string, value: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(value) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || host.trim() === '' || !(port >= 1 && port <= 65_535)) {
    throw new PolicyError(
      `"${text}": a check of TCP names a host and a port from 1 to 65535: tcp:127.0.0.1:5432, tcp:[::1]:5432`,
    );
  }
  return { host, port };
}
