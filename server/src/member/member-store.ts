import {
  type ErrorCode,
  type MemberId,
  type MemberInfo,
  TableError,
} from '@lockstep/client/protocol';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/machine.ts';
import { isVoter } from '../core/raft/membership.ts';
import { nobody } from '../core/raft/types.ts';
import type { HubStream } from '../core/watch/watch-hub.ts';
import type {
  Capabilities,
  DeleteRangeReply,
  DeleteRangeRequest,
  PutReply,
  PutRequest,
  RangeReply,
  RangeRequest,
  ReadOptions,
  Stamp,
  Stamped,
  Store,
  StoreStatus,
  WatchRequest,
  WatchSink,
  WatchStream,
} from '../store.ts';
import type { Member } from './member.ts';

/** The store that doors serve, over one member of a cluster. */
export class MemberStore implements Store {
  readonly capabilities: Capabilities = { transactions: false, leases: false };
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  #stamp(): Stamp {
    return { revision: this.#member.machine.store.revision, term: this.#member.raft.term };
  }

  async put(request: PutRequest): Promise<Stamped<PutReply>> {
    const { key, value, lease, prevKv } = request;
    const { reply, stamp } = await this.#propose({ type: 'put', key, value, lease, prevKv });
    if (reply.type !== 'put') throw new TableError('internal');
    return { prevKv: reply.prevKv, stamp };
  }

  async deleteRange(request: DeleteRangeRequest): Promise<Stamped<DeleteRangeReply>> {
    const { key, rangeEnd, prevKv } = request;
    const { reply, stamp } = await this.#propose({ type: 'deleteRange', key, rangeEnd, prevKv });
    if (reply.type !== 'deleteRange') throw new TableError('internal');
    return { deleted: reply.deleted, prevKvs: reply.prevKvs, stamp };
  }

  #propose(command: Command): Promise<{ reply: Reply; stamp: Stamp }> {
    return new Promise((resolve, reject) => {
      this.#member.propose(command, (outcome) => {
        if (!outcome.ok) return reject(new TableError(outcome.code));
        const { reply, revision, term } = outcome;
        resolve({ reply, stamp: { revision, term } });
      });
    });
  }

  async range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>> {
    if (!options.serializable) await this.#linearizable();
    if (options.minRevision > 0) await this.waitForRevision(options.minRevision);
    const { store } = this.#member.machine;
    const refusal = store.refusal(request.revision);
    if (refusal !== undefined) {
      throw new TableError(refusal, undefined, { compactRevision: store.compactRevision });
    }
    const { kvs, more, count } = store.range(request);
    return { kvs, more, count, stamp: this.#stamp() };
  }

  #linearizable(): Promise<void> {
    return new Promise((resolve, reject) => this.#member.readIndex(settle(resolve, reject)));
  }

  waitForRevision(revision: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#member.waitForRevision(revision, settle(resolve, reject));
    });
  }

  async confirmLeadership(): Promise<Stamp> {
    await this.#linearizable();
    return this.#stamp();
  }

  openWatchStream(sink: WatchSink): WatchStream {
    return new MemberWatchStream(this.#member, this.#member.hub.open(sink));
  }

  members(): readonly MemberInfo[] {
    const { machine, raft } = this.#member;
    return machine.members.list().map((record) => ({
      memberId: record.memberId,
      name: record.name,
      clientAddress: record.clientAddress,
      peerAddress: record.peerAddress,
      isLearner: !isVoter(raft.membership, record.memberId),
    }));
  }

  status(): StoreStatus {
    const { machine, raft, options, hub } = this.#member;
    return {
      clusterId: options.clusterId,
      memberId: options.memberId,
      name: options.name,
      leaderId: raft.leader === nobody ? undefined : raft.leader,
      isLearner: !isVoter(raft.membership, options.memberId),
      revision: machine.store.revision,
      term: raft.term,
      lastIndex: raft.lastIndex,
      committedIndex: raft.committed,
      appliedIndex: this.#member.appliedIndex,
      keys: machine.store.keys,
      compactRevision: machine.store.compactRevision,
      watchers: hub.watches,
      errors: this.#member.problems(),
    };
  }

  moveLeader(target: MemberId): Promise<void> {
    const { raft, machine } = this.#member;
    if (!isVoter(raft.membership, target) || machine.members.get(target) === undefined) {
      return Promise.reject(new TableError('bad_leader_transferee'));
    }
    return new Promise((resolve, reject) => {
      this.#member.moveLeader(target, settle(resolve, reject));
    });
  }
}

/** A callback that settles a promise: with the table's error, or without one. */
function settle(resolve: () => void, reject: (error: TableError) => void) {
  return (error: ErrorCode | undefined): void => {
    if (error === undefined) resolve();
    else reject(new TableError(error));
  };
}

class MemberWatchStream implements WatchStream {
  readonly #member: Member;
  readonly #stream: HubStream;

  constructor(member: Member, stream: HubStream) {
    this.#member = member;
    this.#stream = stream;
  }

  create(watchId: number, request: WatchRequest): number {
    const { compactRevision } = this.#member.machine.store;
    if (this.#stream.has(watchId)) throw new TableError('watch_id_taken');
    if (request.startRevision > 0 && request.startRevision < compactRevision) {
      throw new TableError('compacted', undefined, { compactRevision });
    }
    const { key, rangeEnd, prevKv } = request;
    const start = this.#stream.create(watchId, { key, rangeEnd, prevKv }, request.startRevision);
    this.#member.wakeWatches();
    return start;
  }

  cancel(watchId: number): boolean {
    return this.#stream.cancel(watchId);
  }

  resume(): void {
    this.#member.wakeWatches();
  }

  close(): void {
    this.#stream.close();
  }
}
