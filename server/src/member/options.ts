import type { RaftOptions } from '../core/raft/state.ts';
import type { AutoCompactionOptions } from './auto-compaction.ts';
import type { MemberEvents } from './events.ts';
import type { LogRetention } from './log-retention.ts';

/** Who the member is and how it behaves. Times are in ticks unless the name says otherwise. */
export interface MemberOptions {
  readonly name: string;
  readonly memberId: string;
  readonly clusterId: string;
  readonly directoryId: string;
  /** As it was given, for messages when clusters differ. */
  readonly initialCluster: string;
  readonly peerAddress: string;
  readonly clientAddress: string;
  /** Seeds the core's chance. */
  readonly seed: number;
  /** A number below 2^48 that no earlier life of the member had. */
  readonly incarnation: number;
  readonly tickMs: number;
  /** How long a caller waits before it is told that it takes too long. */
  readonly callTicks: number;
  readonly raft: Omit<RaftOptions, 'id' | 'seed'>;
  readonly retention: LogRetention;
  /** The log grows by at least this much between two snapshots. */
  readonly snapshotBytesMin: number;
  /** Estimated bytes of the state beyond which writes that need room are refused. */
  readonly quotaBytes: number;
  readonly autoCompaction: AutoCompactionOptions;
  /** Ticks between two comparisons of the members' states. */
  readonly hashCheckTicks: number;
  readonly events: MemberEvents;
}
