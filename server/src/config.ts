/**
 * Every default and limit of a member, in one place. A setting can come from a flag, a `LOCKSTEP_*`
 * variable or a YAML file, all of them under one name; {@link resolveConfig} turns what was
 * given into a checked {@link MemberConfig} or says everything that is wrong with it at once.
 */
import { defaultClientPort, nearest } from '@lockstep/client/protocol';
import { z } from 'zod';
import { type AuthConfig, authDefaults, authSettings } from './config-auth.ts';
import { checkCluster, type Found, joinOf } from './config-cluster.ts';
import {
  address,
  addresses,
  bytes,
  type ClusterEntry,
  cluster,
  list,
  memberName,
  oneOf,
  splitAddress,
  text,
  wholeNumber,
} from './config-kinds.ts';
import { type TlsDoors, tlsDoors, tlsSchema } from './config-tls.ts';

export { type ClusterEntry, splitAddress } from './config-kinds.ts';

export interface MemberConfig extends AuthConfig, TlsDoors {
  /** Unique within the cluster. */
  readonly name: string;
  readonly dataDir: string;
  /** host:port of the client door as this machine binds it, and as others reach it. */
  readonly listen: string;
  readonly advertise: string;
  /** The same for the door that other members use. */
  readonly peerListen: string;
  readonly peerAdvertise: string;
  /** The members a new cluster starts with, sorted by name, this one included. */
  readonly initialCluster: readonly ClusterEntry[];
  /** `existing`: the initial cluster runs already, and this member joins it. */
  readonly initialClusterState: InitialClusterState;
  /** Peer addresses of members to ask, of one that joins a running cluster; undefined of a founder. */
  readonly join: readonly string[] | undefined;
  /** Keeps two clusters that were bootstrapped from the same addresses apart. */
  readonly initialClusterToken: string;
  /** Origins and host names besides the member's own that a browser may come from. */
  readonly allowOrigins: readonly string[];
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly walSegmentBytes: number;
  /** No snapshot is taken before the log has grown by this much. */
  readonly snapshotBytesMin: number;
  /** Log entries kept in memory behind the applied index, by number and by size, the lesser. */
  readonly logEntriesKept: number;
  readonly logBytesKept: number;
  /** Proposed and not yet committed bytes beyond which writes get `too_many_requests`. */
  readonly uncommittedBytesMax: number;
  /** Estimated bytes of memory for keys and history; beyond it writes that need room get `no_space`. */
  readonly quotaBytes: number;
  /** Which history is dropped by itself: what is older than a time, all but so many revisions, or none. */
  readonly autoCompactionMode: AutoCompactionMode;
  /** For `periodic`. */
  readonly autoCompactionRetentionMs: number;
  /** For `revision`. */
  readonly autoCompactionRevisions: number;
  /** How often the members compare their states. */
  readonly hashCheckMs: number;
  readonly logLevel: LogLevel;
  /** Sentences about what works but is unwise, for the operator to read at start. */
  readonly warnings: readonly string[];
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const initialClusterStates = ['new', 'existing'] as const;
export type InitialClusterState = (typeof initialClusterStates)[number];

export const autoCompactionModes = ['periodic', 'revision', 'off'] as const;
export type AutoCompactionMode = (typeof autoCompactionModes)[number];

const mebibyte = 1024 * 1024;
const minuteMs = 60_000;

export const defaults = {
  name: 'default',
  dataDir: './lockstep-data',
  listen: `127.0.0.1:${defaultClientPort}`,
  initialClusterToken: 'lockstep',
  allowOrigins: [],
  heartbeatMs: 100,
  electionMs: 1_000,
  walSegmentBytes: 64 * mebibyte,
  snapshotBytesMin: 64 * mebibyte,
  logEntriesKept: 5_000,
  logBytesKept: 64 * mebibyte,
  uncommittedBytesMax: 64 * mebibyte,
  /** Lowered to half of the heap limit where that is less. */
  quotaBytes: 2048 * mebibyte,
  autoCompactionMode: 'periodic',
  autoCompactionRetentionMs: 60 * minuteMs,
  autoCompactionRevisions: 100_000,
  hashCheckMs: minuteMs,
  logLevel: 'info',
  ...authDefaults,
} as const satisfies Partial<MemberConfig>;

/** An election must survive a few lost heartbeats. */
const heartbeatsPerElectionMin = 5;

/** One row per setting: its key here, and what its value must be. */
const schema = z.object({
  name: memberName.default(defaults.name),
  dataDir: text.default(defaults.dataDir),
  listen: address.default(defaults.listen),
  advertise: address.optional(),
  peerListen: address.optional(),
  peerAdvertise: address.optional(),
  initialCluster: cluster.optional(),
  initialClusterState: oneOf(initialClusterStates).optional(),
  join: addresses.optional(),
  initialClusterToken: text.default(defaults.initialClusterToken),
  allowOrigins: list.default([...defaults.allowOrigins]),
  ...tlsSchema,
  heartbeatMs: wholeNumber(10, 60_000).default(defaults.heartbeatMs),
  electionMs: wholeNumber(50, 600_000).default(defaults.electionMs),
  walSegmentBytes: bytes(64 * 1024)
    // Frames in the log begin at multiples of 8.
    .refine((value) => value % 8 === 0, 'must be a multiple of 8')
    .default(defaults.walSegmentBytes),
  snapshotBytesMin: bytes(64 * 1024).default(defaults.snapshotBytesMin),
  logEntriesKept: wholeNumber(1, 10_000_000).default(defaults.logEntriesKept),
  logBytesKept: bytes(64 * 1024).default(defaults.logBytesKept),
  uncommittedBytesMax: bytes(2 * mebibyte).default(defaults.uncommittedBytesMax),
  quotaBytes: bytes(mebibyte).optional(),
  autoCompactionMode: oneOf(autoCompactionModes).default(defaults.autoCompactionMode),
  autoCompactionRetentionMs: wholeNumber(1_000, 2 ** 45).default(
    defaults.autoCompactionRetentionMs,
  ),
  autoCompactionRevisions: wholeNumber(1, 2 ** 50).default(defaults.autoCompactionRevisions),
  hashCheckMs: wholeNumber(1_000, 2 ** 40).default(defaults.hashCheckMs),
  logLevel: oneOf(logLevels).default(defaults.logLevel),
  ...authSettings,
});

export type SettingKey = keyof z.infer<typeof schema>;

/** The settings as a program gives them; each one that is absent or undefined has its default. */
export type Settings = {
  readonly [Key in Exclude<keyof typeof schema.shape, 'initialCluster'>]?:
    | z.infer<typeof schema>[Key]
    | undefined;
} & {
  /** Name to host:port of each founding member, or a list or text of `name=host:port`. */
  readonly initialCluster?:
    | Readonly<Record<string, string>>
    | readonly string[]
    | string
    | undefined;
};

/** What a flag, a variable or a file gave, not yet checked; absent and undefined mean the default. */
export type RawConfig = { readonly [Key in SettingKey]?: unknown };

export const settingKeys = Object.keys(schema.shape) as readonly SettingKey[];

/** The name of a setting as a flag (without dashes) and in YAML: `data-dir`. */
export function settingName(key: SettingKey): string {
  // One value of a repeatable flag is one origin.
  if (key === 'allowOrigins') return 'allow-origin';
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The name of a setting as an environment variable: `LOCKSTEP_DATA_DIR`. */
export function settingVariable(key: SettingKey): string {
  return `LOCKSTEP_${settingName(key).replaceAll('-', '_').toUpperCase()}`;
}

/** A configuration that cannot work; the message lists each problem and what would be right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];
  constructor(problems: readonly string[], where = 'the configuration') {
    const [first = ''] = problems;
    super(
      problems.length === 1
        ? `${where} cannot work: ${first}`
        : `${where} cannot work:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** How a message calls a setting: the flag for an operator, the key for a program. */
export type SettingWording = (key: SettingKey) => string;

const asFlag: SettingWording = (key) => `--${settingName(key)}`;

/**
 * Checks what was given and fills in what was not.
 * @param heapBytesMax what the process may allocate: the state may take half of it.
 * @throws ConfigError with every problem found.
 */
export function resolveConfig(
  raw: RawConfig,
  heapBytesMax = Number.POSITIVE_INFINITY,
  say: SettingWording = asFlag,
): MemberConfig {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => {
        const key = settingKeys.find((known) => known === path[0]);
        if (key === undefined) return message;
        return `${say(key)} ${message}${givenValue(raw[key])}`;
      }),
    );
  }
  const given = parsed.data;
  const problems: string[] = [];
  const warnings: string[] = [];
  const peerListen = given.peerListen ?? nextPort(given.listen, problems, say);
  const own = {
    listen: given.listen,
    advertise: given.advertise ?? reachable(given.listen),
    peerListen,
    peerAdvertise: given.peerAdvertise ?? reachable(peerListen),
  };
  const asked: Found = { problems, warnings, say };
  const join = joinOf(given, asked);
  const initialCluster = given.initialCluster ?? [{ name: given.name, address: own.peerAdvertise }];
  checkCluster(initialCluster, given.name, { ...own, isNew: join === undefined }, asked);
  checkWildcards(given, join === undefined ? initialCluster.length : 2, asked);
  if (own.listen === peerListen && portOf(peerListen) !== 0) {
    problems.push(
      `${say('listen')} and ${say('peerListen')} are both ${peerListen}; they need different ports`,
    );
  }
  if (given.electionMs < heartbeatsPerElectionMin * given.heartbeatMs) {
    problems.push(
      `${say('electionMs')} is ${given.electionMs}; it must be at least ${heartbeatsPerElectionMin} times ` +
        `${say('heartbeatMs')}, so ${heartbeatsPerElectionMin * given.heartbeatMs} or more`,
    );
  }
  if (given.quotaBytes !== undefined && given.quotaBytes > heapBytesMax / 2) {
    problems.push(
      `${say('quotaBytes')} is ${given.quotaBytes}; it may be half of the heap limit, so at most ` +
        `${Math.floor(heapBytesMax / 2)}: raise the limit with NODE_OPTIONS=--max-old-space-size=<MiB>`,
    );
  }
  const tls = tlsDoors(given, asked);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    ...given,
    ...own,
    initialClusterState: join === undefined ? 'new' : 'existing',
    join,
    ...tls,
    quotaBytes: given.quotaBytes ?? Math.min(defaults.quotaBytes, Math.floor(heapBytesMax / 2)),
    initialCluster: [...initialCluster].sort((a, b) => (a.name < b.name ? -1 : 1)),
    warnings,
  };
}

/**
 * The settings that a program gives, by their keys.
 * @throws ConfigError when there is a key that is no setting.
 */
export function rawFromSettings(settings: Settings): RawConfig {
  const known = new Map(settingKeys.map((key) => [key as string, key]));
  return rawFromNames(Object.entries(settings), known, 'the options');
}

/** The settings that parsed flags give, by name: `--allow-origin` may come several times. */
export function rawFromOptions(options: Readonly<Record<string, unknown>>): RawConfig {
  const entries = settingKeys.map((key) => [key, options[camelCase(settingName(key))]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The settings that `LOCKSTEP_*` variables give. An empty variable counts as absent. */
export function rawFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): RawConfig {
  const entries = settingKeys
    .map((key) => [key, environment[settingVariable(key)]] as const)
    .filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(entries);
}

/**
 * The settings that a YAML text gives; its keys are the names of the flags.
 * @param where names the file in messages.
 * @throws ConfigError when it is not YAML, not a map, or has a key that is no setting.
 */
export async function rawFromYaml(source: string, where: string): Promise<RawConfig> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`it is not YAML: ${reason.trimEnd()}`], where);
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new ConfigError(
      ['it must be a map of settings, such as "data-dir: /var/lib/lockstep"'],
      where,
    );
  }
  const names = new Map(settingKeys.map((key) => [settingName(key), key]));
  return rawFromNames(Object.entries(document), names, where);
}

function rawFromNames(
  given: readonly (readonly [string, unknown])[],
  names: ReadonlyMap<string, SettingKey>,
  where: string,
): RawConfig {
  const problems: string[] = [];
  const raw: { [Key in SettingKey]?: unknown } = {};
  for (const [name, value] of given) {
    const key = names.get(name);
    if (key !== undefined) raw[key] = value ?? undefined;
    else {
      const near = nearest(name, [...names.keys()]);
      const hint =
        near === undefined
          ? `known are ${[...names.keys()].join(', ')}`
          : `did you mean "${near}"?`;
      problems.push(`there is no setting "${name}"; ${hint}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems, where);
  return raw;
}

/** Joins sources; for each setting the first source that has it wins. */
export function mergeRaw(...sources: readonly RawConfig[]): RawConfig {
  const merged: { [Key in SettingKey]?: unknown } = {};
  for (const source of sources) {
    for (const key of settingKeys) {
      if (merged[key] === undefined && source[key] !== undefined) merged[key] = source[key];
    }
  }
  return merged;
}

/** A wildcard is nothing that others can dial. */
function checkWildcards(
  given: {
    readonly listen: string;
    readonly advertise?: string | undefined;
    readonly peerListen?: string | undefined;
    readonly peerAdvertise?: string | undefined;
  },
  members: number,
  { problems, warnings, say }: Found,
): void {
  const pairs = [
    [say('advertise'), given.advertise, say('listen'), given.listen],
    [
      say('peerAdvertise'),
      given.peerAdvertise,
      say('peerListen'),
      given.peerListen ?? given.listen,
    ],
  ] as const;
  for (const [flag, advertised, source, bound] of pairs) {
    if (advertised !== undefined && isWildcard(advertised)) {
      problems.push(`${flag} is ${advertised}, which nobody can dial; name this machine's address`);
    } else if (advertised === undefined && isWildcard(bound)) {
      const message = `${source} is on all addresses, so ${flag} must name the one that others dial`;
      if (members > 1) problems.push(message);
      else warnings.push(`${message}; until then it is ${reachable(bound)}`);
    }
  }
}

function portOf(checked: string): number {
  return splitAddress(checked).port;
}

function hostPart(checked: string): string {
  return checked.slice(0, checked.lastIndexOf(':'));
}

function nextPort(listen: string, problems: string[], say: SettingWording): string {
  const port = portOf(listen);
  if (port === 65_535) {
    problems.push(`${say('listen')} has the last port there is; give ${say('peerListen')} as well`);
  }
  // Port 0 lets the system choose, for both doors.
  return `${hostPart(listen)}:${port === 0 || port === 65_535 ? port : port + 1}`;
}

function isWildcard(checked: string): boolean {
  const { host } = splitAddress(checked);
  return host === '0.0.0.0' || host === '::';
}

function reachable(listen: string): string {
  return isWildcard(listen) ? `127.0.0.1:${portOf(listen)}` : listen;
}

function givenValue(given: unknown): string {
  if (given === undefined) return '';
  return ` (given: ${typeof given === 'string' ? `"${given}"` : JSON.stringify(given)})`;
}
