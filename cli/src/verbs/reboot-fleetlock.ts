import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, UsageError } from '../failure.ts';
import { callFleetLock, type FleetLockReply, type FleetLockTarget } from '../fleetlock-call.ts';
import { signalCode } from '../held-command.ts';
import { type Context, type StopSignal, stopSignals, warn } from '../io.ts';
import { refuseTable } from '../output.ts';
import { printable } from '../printable.ts';
import { waitTime } from '../turn-options.ts';

export interface FleetLockOptions {
  readonly url: string;
  readonly group: string;
  readonly id: string;
  readonly wait?: string;
  readonly tokenFile?: string;
}

/** Between one question and the next; servers that hold requests make us wait by themselves. */
const againMs = 1_000;

/** `reboot fleetlock lock`: asks until the slot is held. */
export async function fleetLock(context: Context, options: FleetLockOptions): Promise<number> {
  refuseTable(context, 'reboot fleetlock lock');
  const { wait, waitMs } = waitTime(options.wait);
  const target = await targetOf(options);
  return ask(context, 'pre-reboot', target, { wait, waitMs });
}

/** `reboot fleetlock unlock`: asks until nothing is held. */
export async function fleetUnlock(context: Context, options: FleetLockOptions): Promise<number> {
  refuseTable(context, 'reboot fleetlock unlock');
  const target = await targetOf(options);
  return ask(context, 'steady-state', target, { wait: undefined, waitMs: undefined });
}

async function ask(
  context: Context,
  call: 'pre-reboot' | 'steady-state',
  target: FleetLockTarget,
  { wait, waitMs }: { readonly wait: string | undefined; readonly waitMs: number | undefined },
): Promise<number> {
  const { io, timeoutMs } = context;
  const over = new AbortController();
  let stoppedBy: StopSignal | undefined;
  const forget = io.onStop(
    (signal) => {
      stoppedBy = signal;
      over.abort();
    },
    [...stopSignals, 'SIGHUP', 'SIGQUIT'],
  );
  const timer = waitMs === undefined ? undefined : setTimeout(() => over.abort(), waitMs);
  let silentSince: number | undefined;
  let last: FleetLockReply | undefined;
  try {
    for (;;) {
      last = await callFleetLock(call, target, over.signal);
      if (last.is === 'yes') return exitCodes.ok;
      if (last.is === 'refused') {
        warn(io, printable(Buffer.from(`refused: ${last.why}`)));
        return exitCodes.refused;
      }
      if (last.is === 'not now') silentSince = undefined;
      else silentSince ??= performance.now();
      if (silentSince !== undefined && performance.now() - silentSince >= timeoutMs) {
        warn(io, printable(Buffer.from(`no server answers at ${target.url.host}: ${last.why}`)));
        return exitCodes.noAnswer;
      }
      await sleep(againMs * (0.5 + Math.random()), undefined, { signal: over.signal });
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
    if (stoppedBy !== undefined) return signalCode(stoppedBy);
    const why = last === undefined || last.is === 'yes' ? 'it was held back' : last.why;
    warn(io, printable(Buffer.from(`no slot was free within ${wait}: ${why}`)));
    return exitCodes.notFree;
  } finally {
    clearTimeout(timer);
    forget();
  }
}

async function targetOf(options: FleetLockOptions): Promise<FleetLockTarget> {
  const { group, id, tokenFile } = options;
  if (!/^[a-zA-Z0-9.-]+$/.test(group)) {
    throw new UsageError(
      `--group is ${JSON.stringify(group)}; it must be letters, digits, "." and "-"`,
    );
  }
  if (id.trim() === '') throw new UsageError('--id is empty; it says who holds the slot');
  return { url: urlOf(options.url), group, id, token: await tokenOf(tokenFile) };
}

function urlOf(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // What it should be is said below, whatever is wrong.
  }
  throw new UsageError(`--url is ${JSON.stringify(text)}; write for example http://127.0.0.1:3333`);
}

async function tokenOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  let token: string;
  try {
    token = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read --token-file ${file}: ${reason}`);
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UsageError(`the token in ${file} must be one word of printable ASCII`);
}
