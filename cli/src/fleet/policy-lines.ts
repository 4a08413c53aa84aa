import type { FleetPolicy, GroupPolicy } from '@lockstep/reboot-coordinator';
import { policyDefaults, showLimit } from '@lockstep/reboot-coordinator/policy';
import { safe } from './host-text.ts';
import { spanOption } from './time-text.ts';

/** What a setting is called, and what it is; without a flag it is at its default. */
export type Setting = readonly [name: string, value: string];

const isDefault = ' (default)';

export function groupSettings(policy: GroupPolicy): readonly Setting[] {
  const { limit, priority = 0, checks = [], tokenSha256, bootsMax } = policy;
  return [
    ['limit', showLimit(limit)],
    ...calendar(policy),
    ['gap', time(policy.gapMs, policyDefaults.gapMs)],
    ['soak', time(policy.soakMs, policyDefaults.soakMs)],
    ['start within', time(policy.startWithinMs, policyDefaults.startWithinMs)],
    ['overdue after', time(policy.overdueAfterMs, policyDefaults.overdueAfterMs)],
    ['break after', failures(policy.breakAfter, policyDefaults.breakAfter)],
    ['write off', count(policy.writeOff, policyDefaults.writeOff)],
    ['boots at most', count(bootsMax, policyDefaults.bootsMax)],
    ['priority', `${priority}${policy.priority === undefined ? isDefault : ''}`],
    ['checks', checks.length === 0 ? 'none beside those of the agents' : list(checks)],
    ['token', tokenSha256 === undefined ? 'none' : `SHA-256 ${tokenSha256.slice(0, 12)}…`],
  ];
}

export function fleetSettings(policy: FleetPolicy): readonly Setting[] {
  const { limit, zoneLimit } = policy;
  return [
    ['limit', limit === undefined ? 'none' : showLimit(limit)],
    ['zone limit', zoneLimit === undefined ? 'none' : showLimit(zoneLimit)],
    ...calendar(policy),
    ['gap', time(policy.gapMs, policyDefaults.gapMs)],
    ['break after', failures(policy.breakAfter, policyDefaults.versionBreakAfter)],
    ['write off', count(policy.writeOff, policyDefaults.writeOff)],
  ];
}

function calendar({ windows = [], blackouts = [], timeZone }: FleetPolicy): Setting[] {
  return [
    ['windows', windows.length === 0 ? 'always' : list(windows)],
    ['blackouts', blackouts.length === 0 ? 'never' : list(blackouts)],
    ['time zone', timeZone === undefined ? `UTC${isDefault}` : safe(timeZone)],
  ];
}

function list(texts: readonly string[]): string {
  return safe(texts.join('; '));
}

function time(ms: number | undefined, otherwise: number): string {
  return ms === undefined ? `${spanOption(otherwise)}${isDefault}` : spanOption(ms);
}

function count(given: number | undefined, otherwise: number): string {
  return given === undefined ? `${otherwise}${isDefault}` : String(given);
}

function failures(given: number | undefined, otherwise: number): string {
  if (given === 0) return 'never';
  return `${count(given, otherwise)} failures`.replace(
    /^(\d+) \(default\) failures/,
    '$1 failures (default)',
  );
}

/** A title and below it a line for each setting. */
export function settingLines(title: string, settings: readonly Setting[]): string[] {
  const width = Math.max(...settings.map(([name]) => name.length));
  return [title, ...settings.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)];
}
