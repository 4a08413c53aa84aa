import {
  type Alarm,
  type AlarmKind,
  type ByteString,
  type LeaseId,
  type MemberId,
  type MemberInfo,
  type Once,
  TableError,
} from '@lockstep/client/protocol';
import { type Asker, type Command, needsRoom } from '../core/command.ts';
import { isReadOnly, runTxn } from '../core/mvcc/txn.ts';
import { isVoter } from '../core/raft/membership.ts';
import { nobody } from '../core/raft/types.ts';
import type { Reply } from '../core/reply.ts';
import type { StoreReadings } from '../metrics/readings.ts';
import type {
  AuthChange,
  AuthView,
  Capabilities,
  DeleteRangeReply,
  DeleteRangeRequest,
  HistoryHash,
  LeaseGrantReply,
  LeaseGrantRequest,
  LeaseTimeToLiveReply,
  MemberAdded,
  MemberAddRequest,
  MemberChanged,
  PutReply,
  PutRequest,
  RangeReply,
  RangeRequest,
  ReadOptions,
  ScanReply,
  ScanRequest,
  SnapshotStream,
  Stamp,
  Stamped,
  StateHash,
  Store,
  StoreStatus,
  TxnOptions,
  TxnReply,
  TxnRequest,
  WatchSink,
  WatchStream,
} from '../store.ts';
import { Backups } from './backups.ts';
import type { ChangeRequest } from './change-request.ts';
import { hashHistory } from './history-hash.ts';
import type { Member } from './member.ts';
import { memberInfos } from './member-info.ts';
import { problemsOf } from './member-problems.ts';
import { MemberWatchStream } from './member-watch-stream.ts';
import { readingsOf } from './readings.ts';
import { readRange, readScan } from './sliced-reads.ts';

type ReplyOf<Type extends Reply['type']> = Extract<Reply, { type: Type }>;

/** The store that doors serve, over one member of a cluster. */
export class MemberStore implements Store {
  readonly capabilities: Capabilities = { transactions: true, leases: true };
  readonly #member: Member;
  readonly #leaseTtlMin: number;
  readonly #backups: Backups;

  constructor(member: Member) {
    this.#member = member;
    this.#backups = new Backups(member);
    // A lease must survive the election of a new leader, who takes its renewals (etcd).
    const { raft, tickMs } = member.options;
    this.#leaseTtlMin = Math.ceil((1.5 * raft.electionTicks * tickMs) / 1000);
  }

  stamp(): Stamp {
    return { revision: this.#member.machine.store.revision, term: this.#member.raft.term };
  }

  async put(request: PutRequest, once?: Once, asker?: Asker): Promise<Stamped<PutReply>> {
    const { reply, stamp } = await this.#run('put', { type: 'put', ...request }, once, asker);
    return { prevKv: reply.prevKv, stamp };
  }

  async deleteRange(
    request: DeleteRangeRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<DeleteRangeReply>> {
    const command = { type: 'deleteRange', ...request } as const;
    const { reply, stamp } = await this.#run('deleteRange', command, once, asker);
    return { deleted: reply.deleted, prevKvs: reply.prevKvs, stamp };
  }

  async txn(request: TxnRequest, options: TxnOptions): Promise<Stamped<TxnReply>> {
    if (isReadOnly(request)) return this.#readTxn(request, options.serializable);
    const { once, asker } = options;
    const { reply, stamp } = await this.#run('txn', { type: 'txn', ...request }, once, asker);
    return { succeeded: reply.succeeded, results: reply.results, stamp };
  }

  async #readTxn(request: TxnRequest, serializable: boolean): Promise<Stamped<TxnReply>> {
    await this.#readable({ serializable, minRevision: 0 });
    const { store, counts } = this.#member.machine;
    const { reply: outcome } = store.write((txn) => runTxn(store, txn, request));
    if ('refused' in outcome) throw this.#refusal(outcome.refused);
    counts.txn(outcome.reply);
    return { ...outcome.reply, stamp: this.stamp() };
  }

  async compact(
    request: { revision: number; physical: boolean },
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<object>> {
    const { revision, physical } = request;
    const { stamp } = await this.#run('done', { type: 'compact', revision }, once, asker);
    if (physical) {
      await new Promise<void>((resolve, reject) => {
        this.#member.chores.waitForSweep(revision, settle(resolve, reject));
        this.#member.wakeUp();
      });
    }
    return { stamp };
  }

  async leaseGrant(
    request: LeaseGrantRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<LeaseGrantReply>> {
    const ttl = Math.max(request.ttl, this.#leaseTtlMin);
    const command = { type: 'leaseGrant', id: request.id, ttl } as const;
    const { reply, stamp } = await this.#run('leaseGrant', command, once, asker);
    return { id: reply.id, ttl: reply.ttl, stamp };
  }

  async leaseRevoke(id: LeaseId, once?: Once, asker?: Asker): Promise<Stamped<object>> {
    const { stamp } = await this.#run('done', { type: 'leaseRevoke', id }, once, asker);
    return { stamp };
  }

  leaseKeepAlive(id: LeaseId): Promise<Stamped<{ ttl: number }>> {
    return new Promise((resolve, reject) => {
      if (this.#member.chores.isCorrupt) return reject(new TableError('corrupt'));
      this.#member.chores.leases.renew(id, (error, ttl) => {
        if (error !== undefined) reject(new TableError(error));
        else resolve({ ttl, stamp: this.stamp() });
      });
    });
  }

  async leaseTimeToLive(id: LeaseId, keys: boolean): Promise<Stamped<LeaseTimeToLiveReply>> {
    await this.#readable(linearizable);
    const { leases } = this.#member.machine;
    const record = leases.get(id);
    const stamp = this.stamp();
    if (record === undefined) return { ttl: -1, grantedTtl: 0, keys: [], stamp };
    const ttl = this.#member.chores.leases.remainingSeconds(id) ?? 0;
    return { ttl, grantedTtl: record.ttl, keys: keys ? leases.keys(id) : [], stamp };
  }

  async leases(): Promise<Stamped<{ ids: readonly LeaseId[] }>> {
    await this.#readable(linearizable);
    const ids = this.#member.machine.leases.list().map(({ id }) => id);
    return { ids, stamp: this.stamp() };
  }

  leaseKeys(id: LeaseId): readonly ByteString[] {
    return this.#member.machine.leases.keys(id);
  }

  async registerClient(asker?: Asker): Promise<Stamped<{ clientId: string }>> {
    const command = { type: 'registerClient' } as const;
    const { reply, stamp } = await this.#run('registerClient', command, undefined, asker);
    return { clientId: reply.clientId, stamp };
  }

  async alarms(): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    await this.#linearizable();
    return { alarms: this.#member.machine.alarms.list(), stamp: this.stamp() };
  }

  async disarm(
    which: { memberId: MemberId | undefined; alarm: AlarmKind | undefined },
    asker?: Asker,
  ): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    const { memberId = '', alarm = '' } = which;
    const command = { type: 'clearAlarm', memberId, alarm } as const;
    const { reply, stamp } = await this.#propose('clearAlarm', command, undefined, asker);
    return { alarms: reply.alarms, stamp };
  }

  auth(): AuthView {
    return this.#member.machine.auth.state;
  }

  async readAuth(): Promise<Stamped<{ auth: AuthView }>> {
    await this.#readable(linearizable);
    return { auth: this.auth(), stamp: this.stamp() };
  }

  async changeAuth(change: AuthChange, asker?: Asker): Promise<Stamped<object>> {
    const { stamp } = await this.#run('done', { type: 'auth', change }, undefined, asker);
    return { stamp };
  }

  onAuthChange(changed: () => void): () => void {
    const { authListeners } = this.#member.chores;
    authListeners.add(changed);
    return () => authListeners.delete(changed);
  }

  async hash(): Promise<Stamped<StateHash>> {
    await this.#linearizable();
    return new Promise((resolve, reject) => {
      this.#member.chores.hash(this.#member.appliedIndex, (taken) => {
        if (taken === undefined) reject(new TableError('server_stopped'));
        else resolve({ ...taken, stamp: this.stamp() });
      });
      this.#member.wakeUp();
    });
  }

  async arm(alarm: Alarm, asker?: Asker): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    const command = { type: 'raiseAlarm', ...alarm } as const;
    const { stamp } = await this.#propose('done', command, undefined, asker);
    return { alarms: [alarm], stamp };
  }

  async hashKv(revision: number): Promise<Stamped<HistoryHash>> {
    this.#checkRevision(revision);
    const { store } = this.#member.machine;
    const { compactRevision } = store;
    const hashRevision = revision || store.revision;
    const stamp = this.stamp();
    const hash = await hashHistory(this.#member, store.view(), hashRevision);
    return { hash, hashRevision, compactRevision, stamp };
  }

  async snapshot(options: ReadOptions): Promise<SnapshotStream> {
    await this.#readable(options);
    return this.#backups.begin(this.stamp());
  }

  async defragment(): Promise<Stamped<object>> {
    // Memory is given back all the time; what a reader pins cannot be, not even now.
    this.#member.wakeUp();
    return { stamp: this.stamp() };
  }

  /** @throws TableError what the machine refused, or why it was not asked. */
  #run<Type extends Reply['type']>(
    type: Type,
    command: Command,
    once?: Once,
    asker?: Asker,
  ): Promise<{ reply: ReplyOf<Type>; stamp: Stamp }> {
    const { chores, machine } = this.#member;
    if (chores.isCorrupt) return Promise.reject(new TableError('corrupt'));
    if (chores.space.refuses(needsRoom(command), machine.store.stateBytes)) {
      return Promise.reject(new TableError('no_space'));
    }
    return this.#propose(type, command, once, asker);
  }

  #propose<Type extends Reply['type']>(
    type: Type,
    command: Command,
    once: Once | undefined,
    asker: Asker | undefined,
  ): Promise<{ reply: ReplyOf<Type>; stamp: Stamp }> {
    return new Promise((resolve, reject) => {
      const done: Parameters<Member['propose']>[1] = (outcome) => {
        if (!outcome.ok) return reject(new TableError(outcome.code));
        const { reply, revision, term } = outcome;
        if (reply.type === 'refused') {
          const { code, compactRevision, revision: ranAt } = reply;
          return reject(new TableError(code, undefined, { compactRevision, revision: ranAt }));
        }
        // A client that uses a number twice for different requests gets what the first one answered.
        if (reply.type !== type) return reject(new TableError('reply_evicted', mixedUp));
        // The type was just compared.
        resolve({ reply: reply as ReplyOf<Type>, stamp: { revision, term } });
      };
      this.#member.propose(command, done, once, asker);
    });
  }

  #refusal(
    code: 'compacted' | 'future_revision' | 'key_not_found' | 'lease_not_found',
  ): TableError {
    if (code !== 'compacted') return new TableError(code);
    const { compactRevision } = this.#member.machine.store;
    return new TableError(code, undefined, { compactRevision });
  }

  async range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>> {
    await this.#readable(options);
    this.#checkRevision(request.revision);
    const stamp = this.stamp();
    this.#member.machine.counts.ranges++;
    const reply = readRange(this.#member, request);
    const { kvs, more, count } = reply instanceof Promise ? await reply : reply;
    return { kvs, more, count, stamp };
  }

  async scan(request: ScanRequest, options: ReadOptions): Promise<Stamped<ScanReply>> {
    await this.#readable(options);
    this.#checkRevision(request.revision);
    const stamp = this.stamp();
    this.#member.machine.counts.ranges++;
    const { revision, kvs, more } = await readScan(this.#member, request);
    return { revision, kvs, more, stamp };
  }

  #checkRevision(revision: number): void {
    const refusal = this.#member.machine.store.refusal(revision);
    if (refusal !== undefined) throw this.#refusal(refusal);
  }

  /** Resolves when the state here may be read. */
  async #readable(options: ReadOptions): Promise<void> {
    if (!options.serializable) await this.#linearizable();
    if (options.minRevision > 0) await this.waitForRevision(options.minRevision);
    if (this.#member.chores.isCorrupt) throw new TableError('corrupt');
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
    return this.stamp();
  }

  openWatchStream(sink: WatchSink): WatchStream {
    return new MemberWatchStream(this.#member, this.#member.hub.open(sink));
  }

  members(): readonly MemberInfo[] {
    return memberInfos(this.#member.machine.members, this.#member.raft);
  }

  async memberList(): Promise<Stamped<MemberChanged>> {
    await this.#linearizable();
    return { members: this.members(), stamp: this.stamp() };
  }

  async memberAdd(request: MemberAddRequest): Promise<Stamped<MemberAdded>> {
    return this.#added(await this.#change({ action: 'add', ...request }));
  }

  memberRemove(memberId: MemberId): Promise<Stamped<MemberChanged>> {
    return this.#change({ action: 'remove', memberId });
  }

  memberUpdate(memberId: MemberId, peerAddress: string): Promise<Stamped<MemberChanged>> {
    return this.#change({ action: 'update', memberId, peerAddress });
  }

  memberPromote(memberId: MemberId): Promise<Stamped<MemberChanged>> {
    return this.#change({ action: 'promote', memberId });
  }

  async memberReplace(memberId: MemberId, peerAddress: string): Promise<Stamped<MemberAdded>> {
    return this.#added(await this.#change({ action: 'replace', memberId, peerAddress }));
  }

  #change(request: ChangeRequest): Promise<Stamped<MemberChanged & { memberId: MemberId }>> {
    return new Promise((resolve, reject) => {
      this.#member.membership.request(request, (outcome) => {
        if (!outcome.ok) return reject(new TableError(outcome.code));
        const { memberId, members } = outcome;
        resolve({ memberId, members, stamp: this.stamp() });
      });
    });
  }

  #added(changed: Stamped<MemberChanged & { memberId: MemberId }>): Stamped<MemberAdded> {
    const { memberId, members, stamp } = changed;
    const member = members.find((one) => one.memberId === memberId);
    // What was added may be gone again by the time that the change is answered.
    if (member === undefined) throw new TableError('leader_changed');
    return { member, members, stamp };
  }

  status(): StoreStatus {
    const { machine, raft, options, hub } = this.#member;
    const { store } = machine;
    return {
      clusterId: options.clusterId,
      memberId: options.memberId,
      name: options.name,
      leaderId: raft.leader === nobody ? undefined : raft.leader,
      isLearner: !isVoter(raft.membership, options.memberId),
      revision: store.revision,
      term: raft.term,
      lastIndex: raft.lastIndex,
      committedIndex: raft.committed,
      appliedIndex: this.#member.appliedIndex,
      keys: store.keys,
      compactRevision: store.compactRevision,
      watchers: hub.watches,
      leases: machine.leases.size,
      stateBytes: store.stateBytes,
      liveBytes: store.liveBytes,
      quotaBytes: options.quotaBytes,
      alarms: machine.alarms.list(),
      errors: problemsOf(this.#member),
      clusterVersion: machine.clusterVersion,
      clusterVersions: machine.build.versions,
    };
  }

  readings(): StoreReadings {
    return readingsOf(this.#member);
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

const linearizable: ReadOptions = { serializable: false, minRevision: 0 };
const mixedUp = 'this sequence was used before, for a request of another kind, which was run';

/** A callback that settles a promise: with the table's error, or without one. */
function settle(resolve: () => void, reject: (error: TableError) => void) {
  return (error: TableError['code'] | undefined): void => {
    if (error === undefined) resolve();
    else reject(new TableError(error));
  };
}
