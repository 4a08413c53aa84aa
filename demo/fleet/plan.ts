import type { FleetPolicy, GroupPolicy } from '@lockstep/reboot-coordinator';

/** How long things take, in milliseconds. */
export interface Pace {
  /** A machine that reboots is off for so long, before its program starts again. */
  readonly offMs: number;
  /** Checks must be green for so long before the slot is given back. */
  readonly soakMs: number;
  /** Checks that stay red for longer are a failure. */
  readonly verifyWithinMs: number;
}

export const usualPace: Pace = { offMs: 3_000, soakMs: 1_500, verifyWithinMs: 6_000 };
/** For the tests: the same, with shorter waits. */
export const quickPace: Pace = { offMs: 700, soakMs: 500, verifyWithinMs: 4_000 };

export interface DemoGroup {
  readonly name: string;
  readonly hosts: readonly string[];
  /** How many of its hosts may be down at once. */
  readonly limit: number;
}

/** What is promised, and counted at the end. */
export const groups: readonly DemoGroup[] = [
  { name: 'web', hosts: ['web-1', 'web-2', 'web-3'], limit: 1 },
  { name: 'api', hosts: ['api-1', 'api-2', 'api-3'], limit: 1 },
  { name: 'db', hosts: ['db-1', 'db-2', 'db-3'], limit: 2 },
];

/** Of all groups together. */
export const fleetLimit = 2;

/** One failure stops the group, and one failure of a version stops that version everywhere. */
export function groupPolicy(
  { limit, hosts }: DemoGroup,
  pace: Pace,
  limited: boolean,
): GroupPolicy {
  const count = limited ? limit : hosts.length;
  return { limit: { count }, soakMs: pace.soakMs, breakAfter: 1 };
}

export function fleetPolicy(limited: boolean): FleetPolicy {
  return { breakAfter: 1, ...(limited ? { limit: { count: fleetLimit } } : {}) };
}

/** The key that says which version of the OS the hosts shall run: here the update arrives. */
export const updateKey = 'demo/os-version';

/** A request every so often, to each group. */
export const requestEveryMs = 40;
export const healthEveryMs = 200;
/** Who does not answer within that is not well. */
export const healthMsMax = 3_000;
/** A host that was out is sent requests again after so many good answers in a row. */
export const goodAnswersMin = 2;
