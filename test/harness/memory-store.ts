import {
  type Alarm,
  type ByteString,
  type LeaseId,
  type MemberId,
  type MemberInfo,
  noLease,
  type Once,
  TableError,
  type WatchEndReason,
} from '@lockstep/client/protocol';
import type { StoreReadings } from '../../server/src/metrics/readings.ts';
import type {
  Asker,
  AuthChange,
  AuthView,
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
} from '../../server/src/store.ts';
import { MemoryAlarms, type WhichAlarms } from './memory-alarms.ts';
import { hasPut, MemoryHistory, tombstone } from './memory-history.ts';
import { memoryMembers } from './memory-members.ts';
import { MemoryOnce } from './memory-once.ts';
import { MemoryRights } from './memory-rights.ts';
import { MemorySnapshots } from './memory-snapshots.ts';
import { MemoryStream } from './memory-stream.ts';
import { noReadings } from './no-readings.ts';

/**
 * The dumb model of a store. What the real one answers must be equal to what this one does. It also
 * has the handles that a test of the doors needs: calls can be held back, the leader can be away, a
 * watch can be ended, a lease can run out.
 */
export class MemoryStore implements Store {
  readonly capabilities = { transactions: true, leases: true };
  readonly #history = new MemoryHistory();
  readonly #streams = new Set<MemoryStream>();
  readonly #leases = new Map<LeaseId, number>();
  readonly #once = new MemoryOnce();
  readonly #rights = new MemoryRights();
  readonly #alarms = new MemoryAlarms();
  /** Called with the next change once it was decided and before it is run. */
  meanwhile: (() => void) | undefined;
  #held: (() => void)[] | undefined;
  #waitingForRevision: { revision: number; resolve: () => void }[] = [];
  hasLeader = true;
  /** The next mutation is run, and its caller learns only that the leader changed. */
  loseNextReply = false;
  /** Thrown at every call, if set. */
  failure: Error | undefined;
  readonly snapshots = new MemorySnapshots();
  /** Calls that reached the store so far, answered or held. */
  calls = 0;

  get revision(): number {
    return this.#history.revision;
  }

  get heldCalls(): number {
    return this.#held?.length ?? 0;
  }

  get watchers(): number {
    let count = 0;
    for (const stream of this.#streams) count += stream.size;
    return count;
  }

  /** From now on calls are taken and not answered, until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  endWatches(reason: WatchEndReason): void {
    for (const stream of this.#streams) stream.endAll(reason);
  }

  /** Tells watches that asked for it how far they are. */
  progress(): void {
    for (const stream of this.#streams) stream.progress();
  }

  raise(alarm: Alarm): void {
    this.#alarms.raise(alarm);
  }

  arm(alarm: Alarm): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    return this.#answer(() => {
      this.raise(alarm);
      return { alarms: [alarm] };
    });
  }

  range(request: RangeRequest, options: ReadOptions): Promise<Stamped<RangeReply>> {
    return this.waitForRevision(options.minRevision).then(() =>
      this.#answer(() => {
        this.#history.check(request.revision);
        return this.#history.range(request);
      }),
    );
  }

  scan(request: ScanRequest, options: ReadOptions): Promise<Stamped<ScanReply>> {
    return this.waitForRevision(options.minRevision).then(() =>
      this.#answer(() => {
        const revision = request.revision || this.revision;
        this.#history.check(revision);
        const left = this.#history
          .pairs(request, revision)
          .filter(({ key }) => key > request.after);
        const kvs = [];
        let bytes = 0;
        for (const kv of left) {
          if (bytes >= request.bytesMax || (request.limit > 0 && kvs.length === request.limit))
            break;
          const shown = request.keysOnly ? { ...kv, value: '' as ByteString } : kv;
          kvs.push(shown);
          bytes += shown.key.length + shown.value.length;
        }
        return { revision, kvs, more: kvs.length < left.length };
      }),
    );
  }

  put(request: PutRequest, once?: Once, asker?: Asker): Promise<Stamped<PutReply>> {
    return this.#mutate(once, asker, () => {
      this.#refuseWithoutSpace();
      return this.#commit(() => this.#history.put(request, (id) => this.#leases.has(id)));
    });
  }

  deleteRange(
    request: DeleteRangeRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<DeleteRangeReply>> {
    return this.#mutate(once, asker, () => this.#commit(() => this.#history.deleteRange(request)));
  }

  txn(request: TxnRequest, options: TxnOptions): Promise<Stamped<TxnReply>> {
    return this.#mutate(options.once, options.asker, () => {
      if (hasPut(request)) this.#refuseWithoutSpace();
      return this.#commit(() => this.#history.txn(request, (id) => this.#leases.has(id)));
    });
  }

  compact(
    { revision }: { revision: number; physical?: boolean },
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<object>> {
    return this.#mutate(once, asker, () => {
      const { compactRevision } = this.#history;
      if (revision <= compactRevision) {
        throw new TableError('compacted', undefined, { compactRevision });
      }
      if (revision > this.revision) throw new TableError('future_revision');
      this.#history.compactRevision = revision;
      for (const stream of this.#streams) stream.deliver();
      return {};
    });
  }

  leaseGrant(
    request: LeaseGrantRequest,
    once?: Once,
    asker?: Asker,
  ): Promise<Stamped<LeaseGrantReply>> {
    return this.#mutate(once, asker, () => {
      this.#refuseWithoutSpace();
      const id = request.id === noLease ? String(1000 + this.calls) : request.id;
      if (this.#leases.has(id)) throw new TableError('lease_exists');
      const ttl = Math.max(2, request.ttl);
      this.#leases.set(id, ttl);
      return { id, ttl };
    });
  }

  leaseRevoke(id: LeaseId, once?: Once, asker?: Asker): Promise<Stamped<object>> {
    return this.#mutate(once, asker, () => {
      if (!this.#leases.has(id)) throw new TableError('lease_not_found');
      this.expire(id);
      return {};
    });
  }

  /** The lease is gone, and its keys with it, at one revision. */
  expire(id: LeaseId): void {
    this.#leases.delete(id);
    this.#commit(() => {
      const dead = this.#keysOf(id).map((key) => tombstone(key, this.revision + 1));
      this.#history.versions = [...this.#history.versions, ...dead];
    });
  }

  #keysOf(id: LeaseId): ByteString[] {
    const pairs = this.#history.pairs(everything).filter(({ lease }) => lease === id);
    return pairs.map(({ key }) => key);
  }

  leaseKeepAlive(id: LeaseId): Promise<Stamped<{ ttl: number }>> {
    return this.#answer(() => ({ ttl: this.#leases.get(id) ?? 0 }));
  }

  leaseTimeToLive(id: LeaseId, keys: boolean): Promise<Stamped<LeaseTimeToLiveReply>> {
    return this.#answer(() => {
      const ttl = this.#leases.get(id);
      if (ttl === undefined) return { ttl: -1, grantedTtl: 0, keys: [] };
      return { ttl, grantedTtl: ttl, keys: keys ? this.#keysOf(id) : [] };
    });
  }

  leases(): Promise<Stamped<{ ids: readonly LeaseId[] }>> {
    return this.#answer(() => ({ ids: [...this.#leases.keys()].sort() }));
  }

  registerClient(): Promise<Stamped<{ clientId: string }>> {
    return this.#answer(() => ({ clientId: this.#once.register() }));
  }

  /** The cluster forgets the client. */
  forget(clientId: string): void {
    this.#once.forget(clientId);
  }

  alarms(): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    return this.#answer(() => ({ alarms: this.#alarms.list }));
  }

  disarm(which: WhichAlarms): Promise<Stamped<{ alarms: readonly Alarm[] }>> {
    return this.#answer(() => ({ alarms: this.#alarms.clear(which) }));
  }

  leaseKeys(id: LeaseId): readonly ByteString[] {
    return this.#keysOf(id);
  }

  auth(): AuthView {
    return this.#rights.state;
  }

  readAuth(): Promise<Stamped<{ auth: AuthView }>> {
    return this.#answer(() => ({ auth: this.auth() }));
  }

  changeAuth(change: AuthChange, asker?: Asker): Promise<Stamped<object>> {
    return this.#mutate(undefined, asker, () => this.#rights.change(change));
  }

  /** As an administrator would, at once. */
  changeRights(change: AuthChange): void {
    this.#rights.change(change);
  }

  onAuthChange(changed: () => void): () => void {
    return this.#rights.onChange(changed);
  }

  hash(): Promise<Stamped<StateHash>> {
    const { compactRevision, versions } = this.#history;
    return this.#answer(() => ({ hash: 7, compactRevision, appliedIndex: versions.length }));
  }

  hashKv(revision: number): Promise<Stamped<HistoryHash>> {
    return this.#answer(() => {
      this.#history.check(revision);
      const { compactRevision } = this.#history;
      return { hash: 8, hashRevision: revision || this.revision, compactRevision };
    });
  }

  async snapshot(options: ReadOptions): Promise<SnapshotStream> {
    const answered = options.serializable ? this.status() : await this.confirmLeadership();
    const { revision, term } = answered;
    return this.snapshots.open({ revision, term });
  }

  defragment(): Promise<Stamped<object>> {
    return this.#answer(() => ({}));
  }

  openWatchStream(sink: WatchSink): WatchStream {
    const stream = new MemoryStream(this.#history, sink, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  waitForRevision(revision: number): Promise<void> {
    if (revision <= this.revision) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRevision.push({ revision, resolve }));
  }

  confirmLeadership(): Promise<Stamp> {
    return this.#answer(() => ({})).then(({ stamp }) => stamp);
  }

  members(): readonly MemberInfo[] {
    return memoryMembers.list();
  }

  memberList(): Promise<Stamped<MemberChanged>> {
    return this.#answer(() => ({ members: memoryMembers.list() }));
  }

  memberAdd(request: MemberAddRequest): Promise<Stamped<MemberAdded>> {
    return this.#answer(() => memoryMembers.add(request));
  }

  memberRemove(id: MemberId): Promise<Stamped<MemberChanged>> {
    return this.#answer(() => memoryMembers.remove(id));
  }

  memberUpdate(id: MemberId, peerAddress: string): Promise<Stamped<MemberChanged>> {
    return this.#answer(() => memoryMembers.update(id, peerAddress));
  }

  memberPromote(id: MemberId): Promise<Stamped<MemberChanged>> {
    return this.#answer(() => memoryMembers.promote(id));
  }

  memberReplace(id: MemberId, peerAddress: string): Promise<Stamped<MemberAdded>> {
    return this.#answer(() => memoryMembers.replace(id, peerAddress));
  }

  readings(): StoreReadings {
    return noReadings();
  }

  stamp(): Stamp {
    return { revision: this.revision, term: 2 };
  }

  status(): StoreStatus {
    const index = this.#history.versions.length;
    return {
      clusterId: '42',
      memberId: '7',
      name: 'a',
      leaderId: this.hasLeader ? '7' : undefined,
      ...{ isLearner: false, revision: this.revision, term: 2 },
      ...{ lastIndex: index, committedIndex: index, appliedIndex: index },
      keys: this.#history.pairs(everything).length,
      compactRevision: this.#history.compactRevision,
      watchers: this.watchers,
      leases: this.#leases.size,
      ...{ stateBytes: 2_000, liveBytes: 1_000, quotaBytes: 1_000_000 },
      alarms: this.#alarms.list,
      errors: [],
      clusterVersion: 1,
      clusterVersions: { lowest: 1, highest: 1 },
    };
  }

  moveLeader(target: string): Promise<void> {
    if (target === '7') return Promise.resolve();
    return Promise.reject(new TableError('bad_leader_transferee'));
  }

  #refuseWithoutSpace(): void {
    if (this.#alarms.list.some(({ alarm }) => alarm === 'nospace'))
      throw new TableError('no_space');
  }

  #commit<Reply>(run: () => Reply): Reply {
    const { reply, written } = this.#history.commit(run);
    if (written.length > 0) this.#announce();
    return reply;
  }

  #announce(): void {
    for (const stream of this.#streams) stream.deliver();
    const waiting = this.#waitingForRevision;
    this.#waitingForRevision = waiting.filter(({ revision }) => revision > this.revision);
    for (const { revision, resolve } of waiting) if (revision <= this.revision) resolve();
  }

  /** Runs it, unless it ran before under the same number. */
  #mutate<Reply extends object>(
    once: Once | undefined,
    asker: Asker | undefined,
    run: () => Reply,
  ): Promise<Stamped<Reply>> {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    return this.#answer((): Stamped<Reply> => {
      meanwhile?.();
      this.#rights.check(asker);
      const stamped = () => ({ ...run(), stamp: { revision: this.revision, term: 2 } });
      const answer =
        once === undefined ? stamped() : this.#once.run(once, stamped, () => this.revision);
      if (!this.loseNextReply) return answer;
      this.loseNextReply = false;
      throw new TableError('leader_changed');
    });
  }

  #answer<Reply extends object>(run: () => Reply): Promise<Stamped<Reply>> {
    this.calls++;
    return new Promise((resolve, reject) => {
      const answer = () => {
        try {
          if (this.failure !== undefined) throw this.failure;
          if (!this.hasLeader) throw new TableError('no_leader');
          const reply = run();
          resolve({ stamp: { revision: this.revision, term: 2 }, ...reply });
        } catch (error) {
          reject(error);
        }
      };
      if (this.#held === undefined) answer();
      else this.#held.push(answer);
    });
  }
}

const zero = '\0' as ByteString;
const everything = { key: zero, rangeEnd: zero };
