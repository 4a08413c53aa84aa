import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Change, FleetPolicy, GroupPolicy, Limit } from '@lockstep/reboot-coordinator';
import { PolicyError, parseLimit, Schedule } from '@lockstep/reboot-coordinator/policy';
import { UsageError } from '../failure.ts';
import { durationMs, wholeNumber } from '../selection.ts';

/** What groups and the fleet have in common. */
export interface SharedPolicyOptions {
  readonly limit?: string | false;
  readonly window?: readonly string[];
  /** False with `--no-windows`. */
  readonly windows?: boolean;
  readonly blackout?: readonly string[];
  readonly blackouts?: boolean;
  readonly timeZone?: string;
  readonly gap?: string;
  readonly breakAfter?: string;
  readonly writeOff?: string;
}

export interface GroupOptions extends SharedPolicyOptions {
  readonly soak?: string;
  readonly startWithin?: string;
  readonly overdueAfter?: string;
  readonly bootsMax?: string;
  readonly priority?: string;
  readonly check?: readonly string[];
  readonly checks?: boolean;
  readonly tokenFile?: string;
  readonly token?: boolean;
}

export interface FleetOptions extends SharedPolicyOptions {
  readonly zoneLimit?: string | false;
}

/** @throws UsageError */
export async function groupChange(options: GroupOptions): Promise<Change<GroupPolicy>> {
  const { soak, startWithin, overdueAfter, bootsMax, priority, check, checks } = options;
  const { limit, ...shared } = sharedChange(options);
  return {
    ...shared,
    ...(limit === undefined ? {} : { limit }),
    ...timeIf('soakMs', soak, '--soak'),
    ...timeIf('startWithinMs', startWithin, '--start-within'),
    ...timeIf('overdueAfterMs', overdueAfter, '--overdue-after'),
    ...countIf('bootsMax', bootsMax, '--boots-max', 1),
    ...(priority === undefined ? {} : { priority: integer(priority, '--priority') }),
    ...(await checksOf(check, checks)),
    ...(await tokenOf(options)),
  };
}

/** @throws UsageError */
export function fleetChange(options: FleetOptions): Change<FleetPolicy> {
  const { zoneLimit } = options;
  return {
    ...sharedChange(options),
    ...(options.limit === false ? { limit: undefined } : {}),
    ...(zoneLimit === undefined ? {} : { zoneLimit: limitOf(zoneLimit, '--zone-limit') }),
  };
}

function sharedChange(options: SharedPolicyOptions) {
  const { limit, timeZone, gap, breakAfter, writeOff } = options;
  const change = {
    ...(typeof limit === 'string' ? { limit: limitOf(limit, '--limit') } : {}),
    ...listIf('windows', options.window, options.windows, '--window'),
    ...listIf('blackouts', options.blackout, options.blackouts, '--blackout'),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...timeIf('gapMs', gap, '--gap'),
    ...countIf('breakAfter', breakAfter, '--break-after'),
    ...countIf('writeOff', writeOff, '--write-off'),
  };
  // What is wrong with a window or a zone is said before anybody is asked.
  legible(() => Schedule.of(change));
  return change;
}

function limitOf(given: string, flag: string): Limit;
function limitOf(given: string | false, flag: string): Limit | undefined;
function limitOf(given: string | false, flag: string): Limit | undefined {
  return given === false ? undefined : legible(() => parseLimit(given), flag);
}

function listIf<Name extends string>(
  name: Name,
  given: readonly string[] | undefined,
  isKept: boolean | undefined,
  flag: string,
): { readonly [name in Name]?: readonly string[] } {
  if (isKept === false && given !== undefined) {
    throw new UsageError(`${flag} and --no-${name} exclude each other: give one of them`);
  }
  const list = isKept === false ? [] : given;
  return (list === undefined ? {} : { [name]: list }) as { [name in Name]?: readonly string[] };
}

/** Unlike other durations, these may be 0. */
function timeIf<Name extends string>(
  name: Name,
  given: string | undefined,
  flag: string,
): { readonly [name in Name]?: number } {
  if (given === undefined) return {};
  const ms = /^0+(ms|s|m|h)?$/.test(given) ? 0 : durationMs(given, flag);
  return { [name]: ms } as { [name in Name]?: number };
}

function countIf<Name extends string>(
  name: Name,
  given: string | undefined,
  flag: string,
  least = 0,
): { readonly [name in Name]?: number } {
  if (given === undefined) return {};
  return { [name]: wholeNumber(given, flag, least) } as { [name in Name]?: number };
}

function integer(given: string, flag: string): number {
  if (/^-?\d+$/.test(given) && Number.isSafeInteger(Number(given))) return Number(given);
  throw new UsageError(`${flag} is "${given}"; it must be a whole number`);
}

async function checksOf(
  check: readonly string[] | undefined,
  isKept: boolean | undefined,
): Promise<{ readonly checks?: readonly string[] }> {
  if (check !== undefined) {
    const { parseCheck } = await import('@lockstep/reboot-coordinator/node');
    for (const one of check) legible(() => parseCheck(one), '--check');
  }
  return listIf('checks', check, isKept, '--check');
}

async function tokenOf({
  tokenFile,
  token,
}: GroupOptions): Promise<{ readonly tokenSha256?: string | undefined }> {
  if (tokenFile === undefined) return token === false ? { tokenSha256: undefined } : {};
  if (token === false) {
    throw new UsageError('--token-file and --no-token exclude each other: give one of them');
  }
  const text = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `cannot read --token-file ${tokenFile}: ${error instanceof Error ? error.message : error}`,
    );
  });
  const secret = text.trim();
  if (secret === '') throw new UsageError(`--token-file ${tokenFile} is empty`);
  if (/\s/.test(secret)) {
    throw new UsageError(`--token-file ${tokenFile} holds more than one word: a token is one`);
  }
  return { tokenSha256: createHash('sha256').update(secret).digest('hex') };
}

/** Runs what is pure; what it refuses is wrong use. @throws UsageError */
export function legible<Result>(run: () => Result, flag?: string): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new UsageError(flag === undefined ? error.message : `${flag}: ${error.message}`);
  }
}
