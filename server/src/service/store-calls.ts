import type { AlarmKind, Header, LeaseId, MemberId, MethodName } from '@lockstep/client/protocol';
import type {
  Asker,
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
  WatchSink,
  WatchStream,
} from '../store.ts';
import { administer, authorise, authoriseKeys, type CallContext } from './caller.ts';
import { checkGrant, checkPut, checkRange, checkTxn } from './etcd-checks.ts';
import { asIs, type Decide, type Gate } from './gate.ts';
import { GuardedWatches, type GuardedWatchesSetup } from './guarded-watches.ts';
import type { Headers } from './headers.ts';
import type { RequestCounts } from './request-counts.ts';
import {
  authoriseDelete,
  authoriseLease,
  authoriseLeasedPut,
  authoriseTxn,
} from './request-rights.ts';
import { refuseLargeRequest } from './requests.ts';
import { requestBytesOf } from './txn.ts';

function unchecked(): void {}

/** What the calls share. */
export interface StoreCallsSetup extends GuardedWatchesSetup {
  readonly headers: Headers;
}

/**
 * The store for doors that speak in its own requests, byte strings and all: each request is checked as etcd checks
 * it, authorised and counted, and what the store answers comes back as it is. Every promise rejects with a TableError, and
 * what is refused before the store is asked is thrown.
 */
export class StoreCalls {
  readonly #setup: StoreCallsSetup;
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #requests: RequestCounts;
  readonly #gate: Gate;

  constructor(setup: StoreCallsSetup) {
    this.#setup = setup;
    this.#store = setup.store;
    this.#gate = setup.gate;
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

  put(request: PutRequest, context: CallContext): Promise<Stamped<PutReply>> {
    return this.#change(
      'kv.put',
      context,
      () => {
        checkPut(request);
        refuseLargeRequest(request.key.length + request.value.length, 'key and value');
      },
      (caller) => authoriseLeasedPut(caller, request, this.#store),
      (asker) => this.#store.put(request, undefined, asker),
    );
  }

  range(
    request: RangeRequest,
    options: ReadOptions,
    context: CallContext,
  ): Promise<Stamped<RangeReply>> {
    return this.#read(
      'kv.range',
      context,
      () => checkRange(request),
      (caller) => authorise(caller, 'read', request),
      () => this.#store.range(request, options),
    );
  }

  /** A chunk of a range in key order. */
  scan(
    request: ScanRequest,
    options: ReadOptions,
    context: CallContext,
  ): Promise<Stamped<ScanReply>> {
    return this.#read(
      'kv.scan',
      context,
      unchecked,
      (caller) => authorise(caller, 'read', request),
      () => this.#store.scan(request, options),
    );
  }

  deleteRange(
    request: DeleteRangeRequest,
    context: CallContext,
  ): Promise<Stamped<DeleteRangeReply>> {
    return this.#change(
      'kv.deleteRange',
      context,
      () => checkRange(request),
      (caller) => authoriseDelete(caller, request),
      (asker) => this.#store.deleteRange(request, undefined, asker),
    );
  }

  /** @param serializable answers one that only reads from this member's own state. */
  txn(
    request: TxnRequest,
    serializable: boolean,
    context: CallContext,
  ): Promise<Stamped<TxnReply>> {
    return this.#change(
      'kv.txn',
      context,
      () => {
        checkTxn(request);
        refuseLargeRequest(requestBytesOf(request), 'keys and values');
      },
      (caller) => authoriseTxn(caller, request, this.#store),
      (asker) => this.#store.txn(request, { serializable, once: undefined, asker }),
    );
  }

  compact(
    request: { revision: number; physical: boolean },
    context: CallContext,
  ): Promise<Stamped<object>> {
    return this.#change('kv.compact', context, unchecked, administer, (asker) =>
      this.#store.compact(request, undefined, asker),
    );
  }

  leaseGrant(request: LeaseGrantRequest, context: CallContext): Promise<Stamped<LeaseGrantReply>> {
    return this.#change(
      'lease.grant',
      context,
      () => checkGrant(request),
      unchecked,
      (asker) => this.#store.leaseGrant(request, undefined, asker),
    );
  }

  leaseRevoke(id: LeaseId, context: CallContext): Promise<Stamped<object>> {
    return this.#change(
      'lease.revoke',
      context,
      unchecked,
      (caller) => authoriseLease(caller, id, this.#store),
      (asker) => this.#store.leaseRevoke(id, undefined, asker),
    );
  }

  leaseKeepAlive(id: LeaseId, context: CallContext): Promise<Stamped<{ readonly ttl: number }>> {
    return this.#run('lease.keepAlive', () => {
      authoriseLease(this.#gate.context(context).caller, id, this.#store);
      return this.#store.leaseKeepAlive(id);
    });
  }

  leaseTimeToLive(
    id: LeaseId,
    withKeys: boolean,
    context: CallContext,
  ): Promise<Stamped<LeaseTimeToLiveReply>> {
    return this.#run('lease.timeToLive', async () => {
      this.#gate.context(context);
      const reply = await this.#store.leaseTimeToLive(id, withKeys);
      authoriseKeys(this.#gate.context(context).caller, 'read', reply.keys);
      return reply;
    });
  }

  leases(context: CallContext): Promise<Stamped<{ readonly ids: readonly LeaseId[] }>> {
    return this.#read('lease.list', context, unchecked, unchecked, () => this.#store.leases());
  }

  alarms(context: CallContext): ReturnType<Store['alarms']> {
    return this.#read('maintenance.alarms', context, unchecked, administer, () =>
      this.#store.alarms(),
    );
  }

  disarm(
    which: { memberId: MemberId | undefined; alarm: AlarmKind | undefined },
    context: CallContext,
  ): ReturnType<Store['disarm']> {
    return this.#change('maintenance.disarm', context, unchecked, administer, (asker) =>
      this.#store.disarm(which, asker),
    );
  }

  hash(context: CallContext): Promise<Stamped<StateHash>> {
    return this.#read('maintenance.hash', context, unchecked, administer, () => this.#store.hash());
  }

  moveLeader(target: MemberId, context: CallContext): Promise<void> {
    return this.#read('maintenance.moveLeader', context, unchecked, administer, () =>
      this.#store.moveLeader(target),
    );
  }

  /** The watches of one connection; each is authorised and counted. */
  openWatchStream(sink: WatchSink, { caller }: CallContext): WatchStream {
    return new GuardedWatches(this.#setup, sink, caller);
  }

  #change<Reply>(
    method: MethodName,
    context: CallContext,
    check: () => void,
    decide: Decide,
    run: (asker: Asker | undefined) => Promise<Reply>,
  ): Promise<Reply> {
    return this.#run(method, () => {
      const { caller } = this.#gate.context(context);
      check();
      return this.#gate.change(caller, decide, run, asIs);
    });
  }

  #read<Reply>(
    method: MethodName,
    context: CallContext,
    check: () => void,
    decide: Decide,
    run: () => Promise<Reply>,
  ): Promise<Reply> {
    return this.#run(method, () => {
      const { caller } = this.#gate.context(context);
      check();
      const recheck = this.#gate.read(caller, decide);
      return run().then((reply) => {
        recheck();
        return reply;
      });
    });
  }

  #run<Outcome>(method: MethodName, work: () => Outcome): Outcome {
    return this.#requests.run(method, work);
  }
}
