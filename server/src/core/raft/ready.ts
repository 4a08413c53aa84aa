import type { DropReason, Message } from './message.ts';
import type { Entry, HardState, MemberId, SnapshotMeta } from './types.ts';

/**
 * Everything the core wants done, handed out by {@link Raft.take}. The durability rules are data:
 *
 * 1. `now` may be sent at once, also while the write is under way (thesis 10.2.1).
 * 2. `write`, if any, must become durable, in the order of the batches; then `persisted(write.batch)`.
 * 3. What waits for a write comes out as `now` of a later take, after `persisted`.
 * 4. `committed` is applied in order. Nothing of it needs to wait for this take's own write: an
 *    entry is committed only when a quorum already holds it durably.
 */
export interface Ready {
  readonly now: readonly Message[];
  readonly write: WriteBatch | undefined;
  /** A snapshot that replaces the whole state; install it before applying `committed`. */
  readonly install: SnapshotMeta | undefined;
  readonly committed: readonly Entry[];
  /** Linearizable reads that may be answered once `index` is applied. */
  readonly reads: readonly ReadState[];
  /** Forwarded batches that the leader did not append. */
  readonly droppedProposals: readonly { batch: number; reason: DropReason }[];
  /** Followers whose next entry is gone: stream them the state, then report how it went. */
  readonly snapshotsTo: readonly MemberId[];
}

export interface WriteBatch {
  /** Counts up by one; batches become durable in this order. */
  readonly batch: number;
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly snapshot: SnapshotMeta | undefined;
}

export interface ReadState {
  readonly context: number;
  readonly index: number;
}
