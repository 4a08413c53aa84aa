import type { MemberConfig } from './config.ts';
import { type BootstrapOptions, knownPlace, type Recovered } from './member/bootstrap.ts';
import { clusterIdOf, memberIdOf } from './member/cluster-identity.ts';
import { type ClusterPlace, lookUpCluster } from './member/cluster-lookup.ts';
import type { MemberEvents } from './member/events.ts';
import type { MemberOptions } from './member/options.ts';
import type { Clock, Disk, PeerNetwork } from './ports.ts';

/** What differs between two members, or two lives of one, with the same configuration. */
export interface Individual {
  /** host:port as others reach it, with the ports that were bound. */
  readonly clientAddress: string;
  readonly peerAddress: string;
  /** As {@link MemberOptions} says. */
  readonly seed: number;
  readonly incarnation: number;
}

const mebibyte = 1024 * 1024;
/** What one caller waits at most, in milliseconds. */
const callMs = 5_000;

/**
 * How the data directory of a member is opened, or made. `directoryId` is that of a new one.
 * @param place where it stands in a cluster that runs already; undefined of a founder.
 */
export function bootstrapOptions(
  config: MemberConfig,
  directoryId: string,
  wal: Pick<BootstrapOptions, 'monotonicMs' | 'walFailed'>,
  place?: ClusterPlace,
): BootstrapOptions {
  const { walSegmentBytes: segmentBytes, name } = config;
  if (place !== undefined) {
    const { clusterId, memberId, members } = place;
    const identity = { clusterId, memberId, directoryId, name };
    return { identity, members, founding: false, segmentBytes, ...wal };
  }
  const clusterId = clusterIdOf(config.initialCluster, config.initialClusterToken);
  const members = config.initialCluster.map((entry) => ({
    memberId: memberIdOf(entry, clusterId),
    name: entry.name,
    peerAddress: entry.address,
    clientAddress: '',
    directoryId: '',
  }));
  const own = members.find(({ name }) => name === config.name);
  return {
    identity: { clusterId, memberId: own?.memberId ?? '', directoryId, name },
    members,
    founding: true,
    segmentBytes,
    ...wal,
  };
}

/** While nobody answers, one that joins asks for so long. */
const joinPatienceMs = 20_000;

/**
 * Where a member stands that joins a running cluster: its directory says so, or it asks. Undefined of a
 * founder. @throws DataDirectoryError; errors are sentences.
 */
export function findPlace(
  config: MemberConfig,
  { disk, ...ports }: { readonly disk: Disk; readonly clock: Clock; readonly network: PeerNetwork },
  peerAddress: string,
  done: (error: Error | undefined, place?: ClusterPlace) => void,
): void {
  const { join: addresses, name } = config;
  if (addresses === undefined) return done(undefined);
  const found = knownPlace(disk);
  if (found !== undefined) return done(undefined, found);
  lookUpCluster(ports, { addresses, peerAddress, name, patienceMs: joinPatienceMs }, done);
}

/** What the configuration means for the member's loop and core. */
export function memberOptions(
  config: MemberConfig,
  { identity }: Recovered,
  individual: Individual,
  events: MemberEvents,
): MemberOptions {
  const tickMs = config.heartbeatMs;
  return {
    name: identity.name,
    memberId: identity.memberId,
    clusterId: identity.clusterId,
    directoryId: identity.directoryId,
    initialCluster: config.initialCluster.map(({ name, address }) => `${name}=${address}`).join(),
    ...individual,
    tickMs,
    callTicks: Math.ceil(callMs / tickMs),
    raft: {
      electionTicks: Math.ceil(config.electionMs / tickMs),
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
      inflightMessagesMax: 256,
      inflightBytesMax: 16 * mebibyte,
      messageBytesMax: mebibyte,
      commitBytesMax: mebibyte / 2,
      uncommittedBytesMax: config.uncommittedBytesMax,
    },
    retention: { entries: config.logEntriesKept, bytes: config.logBytesKept },
    snapshotBytesMin: config.snapshotBytesMin,
    quotaBytes: config.quotaBytes,
    autoCompaction: {
      mode: config.autoCompactionMode,
      retentionTicks: Math.ceil(config.autoCompactionRetentionMs / tickMs),
      revisions: config.autoCompactionRevisions,
      everyTicks: Math.ceil(compactionEveryMs(config) / tickMs),
    },
    hashCheckTicks: Math.ceil(config.hashCheckMs / tickMs),
    events,
  };
}

/** By revision every few seconds, by time in tenths of it: at least every five minutes, at most every second. */
function compactionEveryMs(config: MemberConfig): number {
  const { autoCompactionMode, autoCompactionRetentionMs } = config;
  if (autoCompactionMode === 'revision') return 5_000;
  return Math.max(1_000, Math.min(5 * 60_000, autoCompactionRetentionMs / 10));
}
