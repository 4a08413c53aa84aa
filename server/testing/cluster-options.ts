import {
  ConfigError,
  type MemberConfig,
  rawFromSettings,
  resolveConfig,
  type Settings,
} from '../src/config.ts';

/** Settings of `lockstep serve` that mean something in a simulated world. */
export type ClusterSettings = Omit<
  Settings,
  | 'name'
  | 'dataDir'
  | 'listen'
  | 'advertise'
  | 'peerListen'
  | 'peerAdvertise'
  | 'initialCluster'
  | 'initialClusterState'
  | 'initialClusterToken'
  | 'join'
  | 'allowOrigins'
  | 'logLevel'
>;

export interface TestClusterOptions {
  /** How many members, from 1 to 5, named a, b, c and so on. Default 3. */
  readonly members?: number;
  /** A whole number; two runs from one seed are the same. Default 1. */
  readonly seed?: number;
  /** Timing and sizes of the members; the defaults are those of `lockstep serve`, with small files. */
  readonly settings?: ClusterSettings;
  /** What a frame takes from one place to another, in virtual milliseconds. Default 0. */
  readonly networkDelayMs?: number;
  /** The most that a write or a sync takes, in virtual milliseconds. Default 0. */
  readonly diskDelayMs?: number;
  /** What the wall clock shows at the beginning, in milliseconds since 1970. Default 2030-01-01. */
  readonly wallMs?: number;
  /** Hears of everything that happens, one line each, with the virtual time in front. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** With everything that was not given. */
export type CheckedOptions = Required<Omit<TestClusterOptions, 'trace'>> &
  Pick<TestClusterOptions, 'trace'>;

const names = 'abcde';
const delayMsMax = 60_000;
/** Small, since the files are in memory; one that is full is followed by another. */
const smallFiles = { walSegmentBytes: 256 * 1024, snapshotBytesMin: 1024 * 1024 };

/** @throws ConfigError with everything that is wrong. */
export function checked(given: TestClusterOptions): CheckedOptions {
  const options: CheckedOptions = {
    members: given.members ?? 3,
    seed: given.seed ?? 1,
    settings: given.settings ?? {},
    networkDelayMs: given.networkDelayMs ?? 0,
    diskDelayMs: given.diskDelayMs ?? 0,
    wallMs: given.wallMs ?? Date.UTC(2030, 0, 1),
    trace: given.trace,
  };
  const bounds = {
    members: [1, names.length],
    seed: [0, 2 ** 32 - 1],
    networkDelayMs: [0, delayMsMax],
    diskDelayMs: [0, delayMsMax],
    wallMs: [0, 2 ** 45],
  } as const;
  const problems: string[] = [];
  for (const key of Object.keys(bounds) as (keyof typeof bounds)[]) {
    const [least, most] = bounds[key];
    const value = options[key];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    problems.push(`${key} must be a whole number from ${least} to ${most} (given: ${value})`);
  }
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(options, key)) {
      problems.push(`there is no option "${key}"; known are ${Object.keys(options).join(', ')}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems, 'the options of the test cluster');
  configOf(options, 'a');
  return options;
}

export function memberNames({ members }: CheckedOptions): readonly string[] {
  return [...names.slice(0, members)];
}

/** Names that no resolver knows, so that nobody takes them for real. */
export function clientAddressOf(name: string): string {
  return `${name}.test:2379`;
}

export function peerAddressOf(name: string): string {
  return `${name}.test:2380`;
}

/** Of a member that joins, through those at the addresses, while the cluster runs. @throws ConfigError */
export function joinerConfigOf(
  options: CheckedOptions,
  name: string,
  join: readonly string[],
): MemberConfig {
  const fixed = { name, listen: clientAddressOf(name), peerListen: peerAddressOf(name), join };
  const raw = { ...smallFiles, ...rawFromSettings(options.settings), ...fixed };
  return resolveConfig(raw, Number.POSITIVE_INFINITY, (key) => key);
}

/** The whole configuration of one member. @throws ConfigError when a setting is wrong. */
export function configOf(options: CheckedOptions, name: string): MemberConfig {
  const founders = memberNames(options).map((one) => [one, peerAddressOf(one)] as const);
  const fixed = {
    name,
    listen: clientAddressOf(name),
    peerListen: peerAddressOf(name),
    initialCluster: Object.fromEntries(founders),
  };
  const raw = { ...smallFiles, ...rawFromSettings(options.settings), ...fixed };
  return resolveConfig(raw, Number.POSITIVE_INFINITY, (key) => key);
}
