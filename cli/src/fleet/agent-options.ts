import { hostname } from 'node:os';
import { checkedGroup, checkedId } from '@lockstep/reboot-coordinator';
import {
  applicationMachineId,
  LinuxHost,
  type LinuxHostOptions,
  parseCheck,
  parseSource,
  readMachineId,
  type Source,
} from '@lockstep/reboot-coordinator/node';
import { PolicyError } from '@lockstep/reboot-coordinator/policy';
import { UsageError } from '../failure.ts';
import { durationMs } from '../selection.ts';
import { legible } from './policy-options.ts';

export interface AgentOptions {
  readonly group: string;
  readonly zone?: string;
  readonly id?: string;
  readonly name?: string;
  readonly member?: string;
  readonly source?: readonly string[];
  readonly check?: readonly string[];
  readonly drain?: string;
  readonly undrain?: string;
  readonly rebootCommand?: string;
  readonly versionCommand?: string;
  readonly targetCommand?: string;
  readonly hookTimeout: string;
  readonly poll: string;
  readonly leaveWithin: string;
  readonly verifyWithin: string;
  readonly ttl: string;
  readonly stateDir: string;
  readonly bootIdFile?: string;
  readonly coordinate: boolean;
  readonly dryRun?: boolean;
}

/** What was asked for, checked. */
export interface AgentWish {
  readonly id: string;
  readonly group: string;
  readonly zone?: string;
  readonly name: string;
  readonly member?: string;
  readonly pollMs: number;
  readonly leaveWithinMs: number;
  readonly verifyWithinMs: number;
  /** In seconds. */
  readonly ttl: number;
  readonly sources: readonly Source[] | undefined;
  readonly host: Omit<LinuxHostOptions, 'sources'>;
}

const timerMsMax = 24 * 24 * 3_600_000;
const ttlMin = 5;

/** @throws UsageError; InvalidError when the id or the group is none; HostError when the machine id is. */
export async function agentWish(options: AgentOptions): Promise<AgentWish> {
  const { source, check, zone, name, member } = options;
  checkedGroup(options.group);
  const times = {
    pollMs: timeOf(options.poll, '--poll'),
    leaveWithinMs: timeOf(options.leaveWithin, '--leave-within'),
    verifyWithinMs: timeOf(options.verifyWithin, '--verify-within'),
  };
  const hookTimeoutMs = timeOf(options.hookTimeout, '--hook-timeout');
  const sources = source?.map((one) => legible(() => parseSource(one), '--source'));
  for (const one of check ?? []) legible(() => parseCheck(one), '--check');
  for (const [flag, text] of Object.entries({
    '--zone': zone,
    '--name': name,
    '--member': member,
  })) {
    if (text?.trim() === '')
      throw new UsageError(`${flag} is empty: leave it out, or name something`);
  }
  const host = {
    hookTimeoutMs,
    ...(check === undefined ? {} : { checks: check }),
    ...commandsOf(options),
    ...(options.bootIdFile === undefined ? {} : { bootIdFile: options.bootIdFile }),
  };
  // A command that is empty is refused now and not when it is to run.
  checkHost(host);
  const id = checkedId(options.id ?? applicationMachineId(await readMachineId()));
  return {
    ...times,
    ...{ id, group: options.group, name: name ?? hostname() },
    ...(zone === undefined ? {} : { zone }),
    ...(member === undefined ? {} : { member }),
    ttl: ttlOf(options.ttl),
    sources,
    host,
  };
}

const commandFlags = {
  drain: 'drainCommand',
  undrain: 'undrainCommand',
  rebootCommand: 'rebootCommand',
  versionCommand: 'versionCommand',
  targetCommand: 'targetCommand',
} as const;

function commandsOf(options: AgentOptions): Omit<LinuxHostOptions, 'sources'> {
  const commands: Record<string, string> = {};
  for (const [flag, name] of Object.entries(commandFlags)) {
    const line = options[flag as keyof typeof commandFlags];
    if (line !== undefined) commands[name] = line;
    if (line?.trim() === '') {
      const shown = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new UsageError(`--${shown} is empty: leave it out, or give a line of the shell`);
    }
  }
  return commands;
}

function checkHost(options: LinuxHostOptions): void {
  try {
    new LinuxHost(options);
  } catch (error) {
    throw error instanceof PolicyError ? new UsageError(error.message) : error;
  }
}

function timeOf(given: string, flag: string): number {
  const ms = durationMs(given, flag);
  if (ms <= timerMsMax) return ms;
  throw new UsageError(`${flag} is "${given}"; it may be 576h, which is 24 days`);
}

function ttlOf(given: string): number {
  const ttl = durationMs(given, '--ttl') / 1_000;
  if (Number.isInteger(ttl) && ttl >= ttlMin) return ttl;
  throw new UsageError(
    `--ttl is "${given}"; it must be a whole number of seconds, ${ttlMin} or more`,
  );
}
