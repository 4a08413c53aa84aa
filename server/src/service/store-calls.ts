import type {
  AlarmKind,
  Header,
  LeaseId,
  MemberId,
  MemberInfo,
  MethodName,
} from '@lockstep/client/protocol';
import type {
  DeleteRangeReply,
  DeleteRangeRequest,
  LeaseGrantReply,
  LeaseGrantRequest,
  LeaseTimeToLiveReply,
  PutReply,
  PutRequest,
  RangeReply,
  RangeRequest,
  ReadOptions,
  ScanReply,
  ScanRequest,
  Stamp,
  Stamped,
  StateHash,
  Store,
  StoreStatus,
  TxnReply,
  TxnRequest,
  WatchRequest,
  WatchSink,
  WatchStream,
} from '../store.ts';
import { authorise, authorisePut, type CallContext, type Caller } from './caller.ts';
import { checkGrant, checkPut, checkRange, checkTxn } from './etcd-checks.ts';
import type { Headers } from './headers.ts';
import type { RequestCounts } from './request-counts.ts';
import { refuseLargeRequest } from './requests.ts';
import { authoriseTxn, requestBytesOf } from './txn.ts';

/** What the calls share. */
export interface StoreCallsSetup {
  readonly store: Store;
  readonly headers: Headers;
  readonly requests: RequestCounts;
}

/**
 * The store for doors that speak in its own requests, byte strings and all: each request is checked as etcd checks
 * it, authorised and counted, and what the store answers comes back as it is. Every promise rejects with a TableError, and
 * what is refused before the store is asked is thrown.
 */
export class StoreCalls {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #requests: RequestCounts;

  constructor(setup: StoreCallsSetup) {
    this.#store = setup.store;
    this.#headers = setup.headers;
    this.#requests = setup.requests;
  }

  header(stamp: Stamp): Header {
    return this.#headers.at(stamp);
  }

  /** As of what is applied here now. */
  now(): Header {
    return this.#headers.at(this.#store.stamp());
  }

  status(): StoreStatus {
    return this.#store.status();
  }

  members(): readonly MemberInfo[] {
    return this.#store.members();
  }

  put(request: PutRequest, { caller }: CallContext): Promise<Stamped<PutReply>> {
    return this.#run('kv.put', () => {
      checkPut(request);
      refuseLargeRequest(request.key.length + request.value.length, 'key and value');
      if (caller.permits !== undefined) authorisePut(caller, request);
      return this.#store.put(request);
    });
  }

  range(
    request: RangeRequest,
    options: ReadOptions,
    { caller }: CallContext,
  ): Promise<Stamped<RangeReply>> {
    return this.#run('kv.range', () => {
      checkRange(request);
      authorise(caller, 'read', request);
      return this.#store.range(request, options);
    });
  }

  /** A chunk of a range in key order. */
  scan(
    request: ScanRequest,
    options: ReadOptions,
    { caller }: CallContext,
  ): Promise<Stamped<ScanReply>> {
    return this.#run('kv.scan', () => {
      authorise(caller, 'read', request);
      return this.#store.scan(request, options);
    });
  }

  deleteRange(
    request: DeleteRangeRequest,
    { caller }: CallContext,
  ): Promise<Stamped<DeleteRangeReply>> {
    return this.#run('kv.deleteRange', () => {
      checkRange(request);
      authorise(caller, 'write', request);
      if (request.prevKv) authorise(caller, 'read', request);
      return this.#store.deleteRange(request);
    });
  }

  /** @param serializable answers one that only reads from this member's own state. */
  txn(
    request: TxnRequest,
    serializable: boolean,
    { caller }: CallContext,
  ): Promise<Stamped<TxnReply>> {
    return this.#run('kv.txn', () => {
      checkTxn(request);
      refuseLargeRequest(requestBytesOf(request), 'keys and values');
      if (caller.permits !== undefined) authoriseTxn(caller, request);
      return this.#store.txn(request, { serializable, once: undefined });
    });
  }

  compact(
    request: { revision: number; physical: boolean },
    { caller }: CallContext,
  ): Promise<Stamped<object>> {
    return this.#run('kv.compact', () => {
      authorise(caller, 'administer', undefined);
      return this.#store.compact(request);
    });
  }

  leaseGrant(request: LeaseGrantRequest): Promise<Stamped<LeaseGrantReply>> {
    return this.#run('lease.grant', () => {
      checkGrant(request);
      return this.#store.leaseGrant(request);
    });
  }

  leaseRevoke(id: LeaseId, { caller }: CallContext): Promise<Stamped<object>> {
    return this.#run('lease.revoke', async () => {
      await this.#authoriseKeys(id, caller);
      return this.#store.leaseRevoke(id);
    });
  }

  /** Revoking deletes the keys, so whoever revokes must be allowed to write each of them. */
  async #authoriseKeys(id: LeaseId, caller: Caller): Promise<void> {
    if (caller.permits === undefined) return;
    const { keys } = await this.#store.leaseTimeToLive(id, true);
    for (const key of keys) authorise(caller, 'write', { key, rangeEnd: '' as typeof key });
  }

  leaseKeepAlive(id: LeaseId): Promise<Stamped<{ readonly ttl: number }>> {
    return this.#run('lease.keepAlive', () => this.#store.leaseKeepAlive(id));
  }

  leaseTimeToLive(
    id: LeaseId,
    withKeys: boolean,
    { caller }: CallContext,
  ): Promise<Stamped<LeaseTimeToLiveReply>> {
    return this.#run('lease.timeToLive', async () => {
      const reply = await this.#store.leaseTimeToLive(id, withKeys);
      for (const key of reply.keys) authorise(caller, 'read', { key, rangeEnd: '' as typeof key });
      return reply;
    });
  }

  leases(): Promise<Stamped<{ readonly ids: readonly LeaseId[] }>> {
    return this.#run('lease.list', () => this.#store.leases());
  }

  alarms(): ReturnType<Store['alarms']> {
    return this.#run('maintenance.alarms', () => this.#store.alarms());
  }

  disarm(
    which: { memberId: MemberId | undefined; alarm: AlarmKind | undefined },
    { caller }: CallContext,
  ): ReturnType<Store['disarm']> {
    return this.#run('maintenance.disarm', () => {
      authorise(caller, 'administer', undefined);
      return this.#store.disarm(which);
    });
  }

  hash({ caller }: CallContext): Promise<Stamped<StateHash>> {
    return this.#run('maintenance.hash', () => {
      authorise(caller, 'administer', undefined);
      return this.#store.hash();
    });
  }

  moveLeader(target: MemberId, { caller }: CallContext): Promise<void> {
    return this.#run('maintenance.moveLeader', () => {
      authorise(caller, 'administer', undefined);
      return this.#store.moveLeader(target);
    });
  }

  /** Resolves when this member has shown that it can reach a quorum now. */
  confirmLeadership(): Promise<Stamp> {
    return this.#store.confirmLeadership();
  }

  /** The watches of one connection; each create is authorised and counted. */
  openWatchStream(sink: WatchSink, { caller }: CallContext): WatchStream {
    const stream = this.#store.openWatchStream(sink);
    return {
      create: (watchId: number, request: WatchRequest) =>
        this.#run('watch.create', () => {
          for (const range of request.ranges) authorise(caller, 'read', range);
          return stream.create(watchId, request);
        }),
      cancel: (watchId) => stream.cancel(watchId),
      credit: (watchId, credits) => stream.credit(watchId, credits),
      whenSynced: (synced) => stream.whenSynced(synced),
      resume: () => stream.resume(),
      close: () => stream.close(),
    };
  }

  #run<Outcome>(method: MethodName, work: () => Outcome): Outcome {
    return this.#requests.run(method, work);
  }
}
