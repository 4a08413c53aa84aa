import type { MemberConfig } from './config.ts';
import type { BootstrapOptions, Recovered } from './member/bootstrap.ts';
import { clusterIdOf, memberIdOf } from './member/cluster-identity.ts';
import type { MemberEvents } from './member/events.ts';
import type { MemberOptions } from './member/options.ts';

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

/** How the data directory of a founding member is opened, or made. `directoryId` is that of a new one. */
export function bootstrapOptions(
  config: MemberConfig,
  directoryId: string,
  wal: Pick<BootstrapOptions, 'monotonicMs' | 'walFailed'>,
): BootstrapOptions {
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
    identity: { clusterId, memberId: own?.memberId ?? '', directoryId, name: config.name },
    members,
    founding: true,
    segmentBytes: config.walSegmentBytes,
    ...wal,
  };
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
