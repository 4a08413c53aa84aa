/** What the flags and variables of `etcd` mean for a member here; see `etcd-flags.ts`. */
import { limits } from '@lockstep/client/protocol';
import {
  ConfigError,
  type RawConfig,
  rawFromOptions,
  type SettingKey,
  settingKeys,
  settingName,
} from './config.ts';
import { hostPortOf } from './config-kinds.ts';
import {
  type etcdFixedFlags,
  etcdIdleFlags,
  etcdRefusedFlags,
  type etcdSettingFlags,
  type etcdSharedFlags,
} from './etcd-flags.ts';

/** Flags of etcd by name, as they were given; a switch that stands alone is "true". */
export type EtcdGiven = Readonly<Record<string, string>>;

/** What one flag comes to: settings, a line of warning, or what is wrong with it. */
interface Meaning {
  readonly set?: RawConfig;
  readonly warning?: string;
  readonly problem?: string;
}

type Reader = (value: string, given: EtcdGiven) => Meaning;

export interface EtcdSettings {
  readonly raw: RawConfig;
  readonly warnings: readonly string[];
}

const settings: Readonly<Record<(typeof etcdSettingFlags)[number], Reader>> = {
  'listen-client-urls': oneUrl('listen'),
  'advertise-client-urls': oneUrl('advertise'),
  'listen-peer-urls': oneUrl('peerListen'),
  'initial-advertise-peer-urls': oneUrl('peerAdvertise'),
  'heartbeat-interval': (value) => ({ set: { heartbeatMs: value } }),
  'election-timeout': (value) => ({ set: { electionMs: value } }),
  'quota-backend-bytes': quota,
  'auto-compaction-retention': retention,
  'snapshot-catchup-entries': (value) => ({ set: { logEntriesKept: value } }),
  'experimental-snapshot-catchup-entries': (value) => ({ set: { logEntriesKept: value } }),
  'corrupt-check-time': corruptCheck,
  'experimental-corrupt-check-time': corruptCheck,
  cors: (value) => ({ set: { allowOrigins: value } }),
};

const shared: Readonly<Record<(typeof etcdSharedFlags)[number], SettingKey>> = {
  name: 'name',
  'data-dir': 'dataDir',
  'initial-cluster': 'initialCluster',
  'initial-cluster-token': 'initialClusterToken',
  'initial-cluster-state': 'initialClusterState',
  'auto-compaction-mode': 'autoCompactionMode',
  'log-level': 'logLevel',
  'cert-file': 'certFile',
  'key-file': 'keyFile',
  'client-cert-auth': 'clientCertAuth',
  'trusted-ca-file': 'trustedCaFile',
  'client-crl-file': 'clientCrlFile',
  'client-cert-allowed-hostname': 'clientCertAllowedHostname',
  'peer-cert-file': 'peerCertFile',
  'peer-key-file': 'peerKeyFile',
  'peer-client-cert-auth': 'peerClientCertAuth',
  'peer-trusted-ca-file': 'peerTrustedCaFile',
  'peer-crl-file': 'peerCrlFile',
  'peer-cert-allowed-cn': 'peerCertAllowedCn',
  'peer-cert-allowed-hostname': 'peerCertAllowedHostname',
  'tls-min-version': 'tlsMinVersion',
  'tls-max-version': 'tlsMaxVersion',
  'auth-token': 'authToken',
  'auth-token-ttl': 'authTokenTtl',
};

const fixed: Readonly<Record<(typeof etcdFixedFlags)[number], Reader>> = {
  'max-txn-ops': atMost(limits.txnOperationsMax, 'operations in a transaction'),
  'max-request-bytes': atMost(limits.requestBytesMax, 'bytes in a request'),
  'strict-reconfig-check': always(true, 'a change that would lose the quorum is always refused'),
  'pre-vote': always(true, 'a candidate always asks before it disturbs a leader'),
  'initial-election-tick-advance': always(true, 'a member that is alone elects itself at once'),
  'unsafe-no-fsync': always(false, 'every write is on disk before it is answered'),
  'enable-v2': (value) =>
    value === 'false' ? {} : { problem: 'asks for the API of etcd 2, which is not here' },
  'enable-grpc-gateway': (value) =>
    value === 'true' ? {} : { warning: 'has no effect: the JSON doors are always open' },
  metrics: (value) =>
    value === 'basic' ? {} : { warning: 'has no effect: /metrics shows all there is' },
  proxy: (value) =>
    value === 'off'
      ? {}
      : { problem: `is ${value}; a member is no proxy: clients know all members` },
  'log-outputs': (value) =>
    ['default', 'stdout', 'stderr'].includes(value)
      ? { warning: 'has no effect: the log goes to standard output' }
      : { problem: `is "${value}"; the log goes to standard output: send that where it should be` },
};

/** In the order in which they are read: a retention of 0 switches off whatever the mode is. */
const readers = new Map<string, Reader>([
  ...Object.entries(shared).map(([name, key]): [string, Reader] => [
    name,
    (value) => ({ set: { [key]: key === 'logLevel' ? logLevel(value) : value } }),
  ]),
  ...Object.entries(settings),
  ...Object.entries(fixed),
  ...Object.entries(etcdIdleFlags).map(([name, why]): [string, Reader] => [
    name,
    () => ({ warning: `has no effect: ${why}` }),
  ]),
  ...Object.entries(etcdRefusedFlags).map(([name, why]): [string, Reader] => [
    name,
    (value) => (value === 'false' ? {} : { problem: `is not taken: ${why}` }),
  ]),
]);

/**
 * What a command line and variables give under etcd's names. Flags win over variables; where both give the same
 * setting under two names, a command line is refused, and of variables `LOCKSTEP_*` should be looked at first.
 * @throws ConfigError
 */
export function etcdSources(
  options: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly flags: RawConfig; readonly variables: RawConfig; readonly warnings: string[] } {
  const given = etcdFromOptions(options);
  const flags = rawFromEtcd(given);
  const own = rawFromOptions(options);
  const twice = Object.keys(given).flatMap((name) => {
    const { set = {} } = readers.get(name)?.(given[name] ?? '', given) ?? {};
    return settingKeys
      .filter((key) => set[key] !== undefined && own[key] !== undefined)
      .filter((key) => settingName(key) !== name && key !== 'autoCompactionMode')
      .map((key) => `--${name} and --${settingName(key)} say the same: give one of them`);
  });
  if (twice.length > 0) throw new ConfigError(twice);
  const variables = rawFromEtcd(etcdFromEnvironment(environment), etcdVariable);
  const unknown = unknownVariables(environment).map(
    (name) => `${name} is no setting that is known here`,
  );
  return {
    flags: flags.raw,
    variables: variables.raw,
    warnings: [...flags.warnings, ...variables.warnings, ...unknown],
  };
}

/** Those of a service called "etcd" that Kubernetes sets, and what images tell of themselves, are none of ours. */
function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set([...readers.keys()].map(etcdVariable));
  return Object.keys(environment)
    .filter((name) => name.startsWith('ETCD_') && !known.has(name))
    .filter(
      (name) =>
        !/^ETCD_((.*_)?SERVICE_|(.*_)?PORT($|_)|VER$|VERSION$|UNSUPPORTED_ARCH$)/.test(name),
    )
    .sort();
}

/** The flags of etcd that a parsed command line has, those included that are a member's own. */
export function etcdFromOptions(options: Readonly<Record<string, unknown>>): EtcdGiven {
  const given: Record<string, string> = {};
  for (const name of readers.keys()) {
    const value =
      options[name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())];
    if (value !== undefined) given[name] = String(value);
  }
  return given;
}

/** The flags of etcd that `ETCD_*` variables give. An empty variable counts as absent. */
export function etcdFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): EtcdGiven {
  const given: Record<string, string> = {};
  for (const name of readers.keys()) {
    const value = environment[etcdVariable(name)];
    if (value !== undefined && value !== '') given[name] = value;
  }
  return given;
}

export function etcdVariable(name: string): string {
  return `ETCD_${name.replaceAll('-', '_').toUpperCase()}`;
}

/**
 * What they come to here.
 * @param say how a message calls a flag.
 * @throws ConfigError that lists each one that cannot be taken, and why.
 */
export function rawFromEtcd(
  given: EtcdGiven,
  say: (name: string) => string = (name) => `--${name}`,
): EtcdSettings {
  const raw: { [Key in SettingKey]?: unknown } = {};
  const warnings: string[] = [];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const { set = {}, warning, problem } = readers.get(name)?.(value.trim(), given) ?? {};
    Object.assign(raw, set);
    if (warning !== undefined) warnings.push(`${say(name)} ${warning}`);
    if (problem !== undefined) problems.push(`${say(name)} ${problem}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { raw, warnings };
}

function oneUrl(key: SettingKey): Reader {
  return (value) => {
    const urls = value.split(',').filter((url) => url.trim() !== '');
    const [first = ''] = urls;
    if (urls.length !== 1) {
      return {
        problem:
          `names ${urls.length} URLs (${value}); a member has one address for each door, so give one, for ` +
          'example http://127.0.0.1:2379, or http://0.0.0.0:2379 to listen on all',
      };
    }
    if (!first.includes('://')) {
      return { problem: `is "${first}", which is no URL; write http://${first}` };
    }
    const address = hostPortOf(first);
    return typeof address === 'string' ? { set: { [key]: address } } : { problem: address.problem };
  };
}

function quota(value: string): Meaning {
  // As in etcd, 0 stands for the default.
  if (value === '0') return {};
  if (/^-\d+$/.test(value)) {
    return { problem: `is ${value}; there is always a quota: name it in bytes, 0 for the default` };
  }
  return { set: { quotaBytes: value } };
}

/** By mode a time or a number of revisions; a bare number of a time is hours, as in etcd. */
function retention(value: string, given: EtcdGiven): Meaning {
  if (value === '0' || value === '0s') return { set: { autoCompactionMode: 'off' } };
  if (given['auto-compaction-mode'] === 'revision') {
    return { set: { autoCompactionRevisions: value } };
  }
  const ms = durationMs(/^\d+$/.test(value) ? `${value}h` : value);
  if (ms === undefined) return { problem: `is "${value}"; write 30m, 1h30m, or 1 for an hour` };
  return { set: { autoCompactionRetentionMs: ms } };
}

/** etcd's two levels above its `error` end the process, as `fatal` does here. */
function logLevel(value: string): string {
  return value === 'dpanic' || value === 'panic' ? 'fatal' : value;
}

function corruptCheck(value: string): Meaning {
  const ms = durationMs(value);
  if (ms === undefined) return { problem: `is "${value}"; write a time, such as 4h` };
  if (ms > 0) return { set: { hashCheckMs: ms } };
  return { warning: 'has no effect: members always compare their states, see --hash-check-ms' };
}

function atMost(most: number, what: string): Reader {
  return (value) => {
    const count = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (count === most) return {};
    if (count < most) return { warning: `has no effect: the limit is ${most} ${what}` };
    return { problem: `is ${value}; there may be at most ${most} ${what}` };
  };
}

function always(which: boolean, what: string): Reader {
  return (value) => (value === String(which) ? {} : { warning: `has no effect: ${what}` });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it, `1h30m`, in milliseconds. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(number) * (unitMs[unit ?? ''] ?? 0);
  }
  return Math.round(total);
}
