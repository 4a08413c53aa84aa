/** A new cluster that begins with the state of an old one: after the loss of all its members, or of most. */
import { type Build, thisBuild } from '../core/cluster-version.ts';
import { Machine } from '../core/machine.ts';
import { sections } from '../core/machine-image.ts';
import { MachineRestorer } from '../core/machine-restorer.ts';
import type { MemberRecord } from '../core/member-table.ts';
import { decodeChange } from '../core/raft/membership.ts';
import type { Recovered } from './bootstrap.ts';
import { clusterIdOf, type InitialMember, memberIdOf } from './cluster-identity.ts';

/** What must be equal for two states to be the same. */
export interface StateMark {
  readonly clusterId: string;
  readonly index: number;
  readonly term: number;
  readonly hash: number;
  readonly chunkBytes: number;
}

/**
 * The ids of a cluster that is restored from a state. All who restore the same state with the same list and
 * token get the same ids; and nobody else does, least of all a member that was started without being restored.
 */
export function restoredIds(
  members: readonly InitialMember[],
  token: string,
  state: StateMark & { readonly revisionBump: number },
): { readonly clusterId: string; readonly memberIds: readonly string[] } {
  const { index, term, hash, chunkBytes, revisionBump } = state;
  const from = [state.clusterId, index, term, hash, chunkBytes, revisionBump].join(' ');
  const clusterId = clusterIdOf(members, `${token} restored ${from}`);
  return { clusterId, memberIds: members.map((member) => memberIdOf(member, clusterId)) };
}

export function recordsOf(
  members: readonly InitialMember[],
  memberIds: readonly string[],
): MemberRecord[] {
  return members.map(({ name, address }, at) => ({
    memberId: memberIds[at] ?? '',
    name,
    peerAddress: address,
    clientAddress: '',
    directoryId: '',
  }));
}

export interface NewClusterOptions {
  /** Only those of a cluster whose log goes on: they are ordered by its indexes. */
  readonly keepsReplies: boolean;
  readonly build?: Build;
}

/** Takes the chunks of an image, leaves out what belonged to the old cluster, and gives the state of the new one. */
export class NewClusterState {
  readonly #restorer: MachineRestorer;
  readonly #left: ReadonlySet<number>;

  constructor(members: readonly MemberRecord[], options: NewClusterOptions) {
    const { keepsReplies, build = thisBuild } = options;
    this.#restorer = new MachineRestorer(new Machine(members, build));
    // Its members are others, and so whom the alarms and hashes are about.
    const { members: table, status, replies } = sections;
    this.#left = new Set(keepsReplies ? [table, status] : [table, status, replies]);
  }

  /** @throws DecodeError, ClusterVersionError. */
  push(chunk: Uint8Array): void {
    if (!this.#left.has(chunk[0] ?? 0)) this.#restorer.push(chunk);
  }

  /**
   * @param revisionBump how far the revision goes up, so that none of the old cluster's comes again; then its history is
   * compacted, and watches and reads that name one of its revisions are told so. 0 keeps both.
   * @throws DecodeError when chunks are missing; RangeError when the revision would be too large.
   */
  finish(revisionBump: number): Machine {
    const machine = this.#restorer.finish();
    if (revisionBump === 0) return machine;
    const revision = machine.store.revision + revisionBump;
    if (!Number.isSafeInteger(revision)) {
      const most = Number.MAX_SAFE_INTEGER - machine.store.revision;
      throw new RangeError(
        `revision ${machine.store.revision} cannot go up by ${revisionBump}: at most by ${most}`,
      );
    }
    machine.store.continueAt(revision);
    return machine;
  }
}

/**
 * Applies everything that a log holds, also what its member never knew to be committed. Of that the lost majority may
 * have acknowledged any part, so to drop it could lose an acknowledged write; to keep it does no more than let a
 * request take effect whose caller has no answer.
 * @returns where the log ends, and how many entries were not known to be committed.
 */
export function applyWholeLog({ machine, raft }: Pick<Recovered, 'machine' | 'raft'>): {
  readonly index: number;
  readonly term: number;
  readonly uncommitted: number;
} {
  const { hardState, snapshot, entries } = raft;
  let { index, term } = snapshot;
  let uncommitted = 0;
  for (const entry of entries) {
    if (entry.kind === 'membership') machine.applyMembership(decodeChange(entry.payload));
    else if (entry.payload.length > 0) machine.apply(entry.payload, entry.index);
    if (entry.index > hardState.commit) uncommitted++;
    ({ index, term } = entry);
  }
  return { index, term: Math.max(term, hardState.term), uncommitted };
}
