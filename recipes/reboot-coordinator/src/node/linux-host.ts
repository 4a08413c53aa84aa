import { release } from 'node:os';
import type { CheckResult, HookFacts, HookResult, Host, Need } from '../agent/host.ts';
import { PolicyError } from '../policy/fault.ts';
import { type Check, type KeyCheck, parseCheck, runChecks } from './checks.ts';
import { readBootId } from './machine-id.ts';
import { findRivals } from './rivals.ts';
import { durationText, oneLine } from './sentence.ts';
import { type CommandEnd, failureOf, firstLine, runProgram, runShell } from './shell-command.ts';
import { askAll, autoSources, type Source } from './sources.ts';

/** All optional. Commands are lines of the shell; times are milliseconds, at most 24 days. */
export interface LinuxHostOptions {
  /** Who says whether a reboot is needed. Default: what fits this host, see `autoSources`. */
  readonly sources?: readonly Source[];
  /** For a source, and for the commands of versions. Default 2 min. */
  readonly sourceTimeoutMs?: number;
  /** Its first line is the version that runs. Default: the release of the kernel. */
  readonly versionCommand?: string;
  /** Its first line is the version that will run after the reboot. */
  readonly targetCommand?: string;
  readonly drainCommand?: string;
  readonly undrainCommand?: string;
  /** For the two above and the reboot. Default 10 min; then SIGTERM. */
  readonly hookTimeoutMs?: number;
  /** From SIGTERM to SIGKILL. Default 5 s. */
  readonly hookGraceMs?: number;
  /** What must be green, as `parseCheck` reads it. */
  readonly checks?: readonly string[];
  /** For each check. Default 10 s. */
  readonly checkTimeoutMs?: number;
  /** Answers the checks `key:`; without it they are red. */
  readonly keyCheck?: KeyCheck;
  /** Default `systemctl --check-inhibitors=yes reboot`. */
  readonly rebootCommand?: string;
  /** Tells of the reboot and of what drains, and does not run them. */
  readonly dryRun?: boolean;
  /** What comes before the path of each file. Default `/`. */
  readonly root?: string;
  /** Where the boot's id is. Default `/proc/sys/kernel/random/boot_id` below `root`. */
  readonly bootIdFile?: string;
  /** The environment of all commands. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Hears lines for people. */
  readonly log?: (line: string) => void;
}

/** The version of a host whose `versionCommand` fails: none that anybody waits for. */
export const unknownVersion = 'unknown';

type Phase = 'drain' | 'undrain' | 'reboot';

const timesDefault = {
  sourceTimeoutMs: 2 * 60_000,
  hookTimeoutMs: 10 * 60_000,
  hookGraceMs: 5_000,
  checkTimeoutMs: 10_000,
} as const;
type Times = { readonly [name in keyof typeof timesDefault]: number };

/** Node's timers fire at once beyond 2^31 ms. */
const msMax = 24 * 24 * 3_600_000;

const never = new AbortController().signal;
const done: HookResult = { isDone: true };

/** A host on which this process runs, with Linux on it. */
export class LinuxHost implements Host {
  readonly #options: LinuxHostOptions;
  readonly #times: Times;
  readonly #checks: readonly Check[];
  readonly #root: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: (line: string) => void;
  #bootId: string | undefined;

  /** @throws {PolicyError} if a check, a command or a time is none. */
  constructor(options: LinuxHostOptions = {}) {
    this.#options = options;
    this.#times = checkedTimes(options);
    this.#checks = (options.checks ?? []).map(parseCheck);
    this.#root = options.root ?? '/';
    this.#env = options.env ?? process.env;
    this.#log = options.log ?? (() => {});
    for (const name of commandOptions) {
      if (options[name]?.trim() === '') throw new PolicyError(`${name} is empty: leave it out`);
    }
  }

  /** @throws {HostError} if the kernel does not tell it. */
  async bootId(): Promise<string> {
    // It cannot change while this process lives.
    this.#bootId ??= await readBootId(this.#root, this.#options.bootIdFile);
    return this.#bootId;
  }

  /** `unknownVersion` if the command for it fails, which is told. */
  async version(): Promise<string> {
    const { versionCommand } = this.#options;
    if (versionCommand === undefined) return release();
    return (await this.#ask('version', versionCommand, never)) ?? unknownVersion;
  }

  async needsReboot(signal: AbortSignal): Promise<Need> {
    const context = { root: this.#root, env: this.#env, signal };
    const sources = this.#options.sources ?? (await autoSources(context));
    const timeoutMs = this.#times.sourceTimeoutMs;
    const need = await askAll(sources, { ...context, timeoutMs });
    if (signal.aborted) return { needed: 'unknown', why: 'given up' };
    const { targetCommand } = this.#options;
    if (need.needed !== 'yes' || targetCommand === undefined) return need;
    const target = await this.#ask('target', targetCommand, signal);
    return target === undefined ? need : { ...need, target };
  }

  drain(facts: HookFacts, signal: AbortSignal): Promise<HookResult> {
    return this.#runHook('drain', this.#options.drainCommand, facts, signal);
  }

  undrain(facts: HookFacts, signal: AbortSignal): Promise<HookResult> {
    return this.#runHook('undrain', this.#options.undrainCommand, facts, signal);
  }

  async check(extra: readonly string[], signal: AbortSignal): Promise<CheckResult> {
    const own = new Set(this.#checks.map(({ text }) => text));
    const faults: string[] = [];
    // Those of a group are read here, since a newer operator may know checks that this agent does not.
    const more = [...new Set(extra)].flatMap((text) => {
      if (own.has(text)) return [];
      try {
        return [parseCheck(text)];
      } catch (error) {
        faults.push((error as Error).message);
        return [];
      }
    });
    const { keyCheck } = this.#options;
    const timeoutMs = this.#times.checkTimeoutMs;
    const context = { env: this.#env, timeoutMs, signal, keyCheck };
    const result = await runChecks([...this.#checks, ...more], context);
    if (faults.length === 0) return result;
    const why = [...faults, ...(result.isGreen ? [] : [result.why])].join('; ');
    return { isGreen: false, why };
  }

  async reboot(facts: HookFacts, signal: AbortSignal): Promise<HookResult> {
    const { rebootCommand, dryRun } = this.#options;
    if (rebootCommand !== undefined) {
      return this.#runHook('reboot', rebootCommand, facts, signal);
    }
    const words = ['systemctl', '--check-inhibitors=yes', 'reboot'];
    if (dryRun) return this.#tell('reboot', words.join(' '), facts);
    this.#log(`reboot: ${words.join(' ')}`);
    // In one language, since what it says of its options is read.
    const env = { ...this.#environment('reboot', facts), LC_ALL: 'C' };
    const end = await runProgram(words, { ...this.#hookOptions(signal), env });
    return end.code === 0 ? done : { isDone: false, why: systemctlFailure(end) };
  }

  /** Who else may reboot this host, one sentence each. */
  rivals(signal: AbortSignal = never): Promise<readonly string[]> {
    return findRivals({ root: this.#root, env: this.#env, signal });
  }

  async #runHook(
    phase: Phase,
    line: string | undefined,
    facts: HookFacts,
    signal: AbortSignal,
  ): Promise<HookResult> {
    if (line === undefined) return done;
    if (this.#options.dryRun) return this.#tell(phase, line, facts);
    this.#log(`${phase}: ${line}`);
    const env = this.#environment(phase, facts);
    const end = await runShell(line, { ...this.#hookOptions(signal), env });
    return end.code === 0 ? done : { isDone: false, why: `${phase} command: ${failureOf(end)}` };
  }

  #tell(phase: Phase, line: string, { grant, reason }: HookFacts): HookResult {
    this.#log(`dry run, ${phase} not run: ${line} (grant ${grant}, ${oneLine(reason, 200)})`);
    return done;
  }

  #environment(phase: Phase, facts: HookFacts): NodeJS.ProcessEnv {
    return {
      ...this.#env,
      LOCKSTEP_HOST: facts.id,
      LOCKSTEP_GROUP: facts.group,
      LOCKSTEP_GRANT: facts.grant,
      // Somebody else's text, and an environment holds no zero bytes.
      LOCKSTEP_REASON: oneLine(facts.reason, 1_000),
      LOCKSTEP_PHASE: phase,
    };
  }

  #hookOptions(signal: AbortSignal) {
    return { timeoutMs: this.#times.hookTimeoutMs, graceMs: this.#times.hookGraceMs, signal };
  }

  async #ask(what: string, line: string, signal: AbortSignal): Promise<string | undefined> {
    const timeoutMs = this.#times.sourceTimeoutMs;
    const end = await runShell(line, { env: this.#env, timeoutMs, signal });
    const version = end.code === 0 ? firstLine(end) : undefined;
    if (version === undefined) {
      const why = end.code === 0 ? 'it writes nothing' : failureOf(end);
      this.#log(`the ${what} command "${oneLine(line, 100)}" gives no version: ${why}`);
    }
    return version;
  }
}

const commandOptions = [
  'versionCommand',
  'targetCommand',
  'drainCommand',
  'undrainCommand',
  'rebootCommand',
] as const;

function systemctlFailure(end: CommandEnd): string {
  const instead = 'give the command that reboots this host (--reboot-command)';
  if (end.how.startsWith('there is no program')) {
    return `there is no systemctl on this host: ${instead}`;
  }
  if (/(unrecognized|unknown|invalid) option.*check-inhibitors/i.test(end.lastWords)) {
    return `this systemctl is older than systemd 248 and cannot be told to respect inhibitors: ${instead}`;
  }
  return `systemctl reboot: ${failureOf(end)}`;
}

function checkedTimes(options: LinuxHostOptions): Times {
  const times = { ...timesDefault } as { -readonly [name in keyof Times]: number };
  for (const name of Object.keys(timesDefault) as (keyof Times)[]) {
    const ms = options[name] ?? timesDefault[name];
    if (!(ms > 0 && ms <= msMax)) {
      const most = durationText(msMax);
      throw new PolicyError(
        `${name} is ${ms}: it is more than 0 and at most ${msMax} ms (${most})`,
      );
    }
    times[name] = ms;
  }
  return times;
}
