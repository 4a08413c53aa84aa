import type { Bytes, WatchSelector } from '@lockstep/client';
import { UsageError } from './failure.ts';

export interface SelectionOptions {
  readonly prefix?: boolean;
  readonly fromKey?: boolean;
}

/** The keys that `KEY [RANGE_END] [--prefix|--from-key]` name, as etcdctl reads them. */
export function selection(
  key: Bytes,
  rangeEnd: Bytes | undefined,
  { prefix = false, fromKey = false }: SelectionOptions,
): WatchSelector {
  if (prefix && fromKey) throw new UsageError('--prefix and --from-key exclude each other');
  if (rangeEnd !== undefined && (prefix || fromKey)) {
    const flag = prefix ? '--prefix' : '--from-key';
    throw new UsageError(`a range end and ${flag} exclude each other: give one of them`);
  }
  if (prefix) return { prefix: key };
  if (fromKey) return { fromKey: key };
  return rangeEnd === undefined ? { key } : { key, rangeEnd };
}

/** A whole number of an option, `least` or more; 0 when it is not given. @throws UsageError */
export function wholeNumber(given: string | undefined, flag: string, least = 0): number {
  if (given === undefined) return 0;
  const value = Number(given);
  if (/^\d+$/.test(given) && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`${flag} is "${given}"; it must be a whole number, ${least} or more`);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** "500ms", "5s", "1m", "2h"; a bare number counts seconds. @throws UsageError */
export function durationMs(given: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(given);
  const ms = Number(match?.[1]) * (units[match?.[2] ?? 's'] ?? 0);
  if (match !== null && ms > 0) return ms;
  throw new UsageError(`${flag} is "${given}"; write for example 5s, 500ms or 1m`);
}
