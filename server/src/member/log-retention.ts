import type { Raft } from '../core/raft/raft.ts';

export interface LogRetention {
  /** Entries kept in memory behind the applied index, for followers that lag a little, if they fit in `bytes`. */
  readonly entries: number;
  /** What the log may hold in memory. Up to there, entries that some follower still lacks are kept as well. */
  readonly bytes: number;
}

/**
 * The first index to keep in memory, or undefined when it is too early to cut. A follower that
 * lacks more than what is kept gets a snapshot. Cutting waits for a tenth of the bound to gather,
 * so that its cost is spread over many entries.
 */
export function retainFrom(
  raft: Raft,
  appliedIndex: number,
  retention: LogRetention,
): number | undefined {
  const slack = Math.ceil(retention.entries / 10);
  const recent = appliedIndex - retention.entries + 1;
  if (raft.logBytes > retention.bytes) {
    // Large entries: what fits in nine tenths of the bound stays, however few that are.
    return Math.max(recent, raft.firstIndexWithin(0.9 * retention.bytes));
  }
  if (recent - raft.firstIndex < slack) return undefined;
  let needed = recent;
  for (const progress of raft.progress?.values() ?? []) {
    if (progress.state !== 'snapshot') needed = Math.min(needed, progress.match + 1);
    else needed = Math.min(needed, progress.snapshotIndex + 1);
  }
  return needed - raft.firstIndex < slack ? undefined : needed;
}
