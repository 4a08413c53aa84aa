import { PolicyError } from './fault.ts';
import type { Limit } from './records.ts';

/**
 * Reads how many hosts may be out of service at once: `2`, `"2"`, or `"20%"` of those that are registered.
 *
 * @throws {PolicyError} if it is no whole number from 1, or no whole percentage from 1 to 100.
 */
export function parseLimit(text: string | number): Limit {
  const [, digits, unit] = /^\s*(-?\d+)\s*(%?)\s*$/.exec(String(text)) ?? [];
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) {
    throw faultOf(text, 'write a whole number of hosts, as 2, or a share of them, as 20%');
  }
  if (value === 0) throw faultOf(text, 'it is at least 1; to stop a group, pause it');
  if (value < 0) throw faultOf(text, 'it is at least 1');
  if (unit !== '%') return { count: value };
  if (value > 100) throw faultOf(text, 'a share of the hosts is at most 100%');
  return { percent: value };
}

/** How many slots that is among so many hosts: a share is rounded down, and is at least one. */
export function slotsOf(limit: Limit, hosts: number): number {
  if ('count' in limit) return limit.count;
  return Math.max(1, Math.floor((hosts * limit.percent) / 100));
}

/** As `parseLimit` reads it. */
export function showLimit(limit: Limit): string {
  return 'count' in limit ? `${limit.count}` : `${limit.percent}%`;
}

function faultOf(text: string | number, right: string): PolicyError {
  return new PolicyError(`a limit cannot be ${JSON.stringify(text)}: ${right}`);
}
