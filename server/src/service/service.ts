import {
  type HealthResult,
  type HeartbeatParams,
  type ParamsOf,
  type ResultOf,
  TableError,
  type UnaryMethodName,
} from '@lockstep/client/protocol';
import type { ServiceReadings, StoreReadings } from '../metrics/readings.ts';
import type { Credentials } from '../ports.ts';
import type { SnapshotStream, Store, StoreStatus } from '../store.ts';
import { AuthService } from './auth/auth.ts';
import { Callers } from './auth/callers.ts';
import type { CallContext } from './caller.ts';
import { ClusterService } from './cluster.ts';
import { Gate } from './gate.ts';
import { Headers } from './headers.ts';
import { KvService } from './kv.ts';
import { LeaseService } from './lease.ts';
import { MaintenanceService } from './maintenance.ts';
import { RequestCounts } from './request-counts.ts';
import { StoreCalls } from './store-calls.ts';
import { TxnService } from './txn.ts';
import { ConnectionWatches, type WatchOutlet } from './watch.ts';

export type { SnapshotStream } from '../store.ts';
export type { Callers, Proofs } from './auth/callers.ts';
export { proofsOfHeader } from './auth/proofs.ts';
export { batchJson } from './batch-json.ts';
export {
  type Access,
  type Action,
  anyone,
  type CallContext,
  type Caller,
  type Identity,
} from './caller.ts';
export type { StoreCalls } from './store-calls.ts';
export { ConnectionWatches, type WatchOutlet } from './watch.ts';

/** A handler throws, or rejects with, a TableError; a result that is at hand needs no promise. */
type Handler<Name extends UnaryMethodName> = (
  params: ParamsOf<Name>,
  context: CallContext,
) => Promise<ResultOf<Name>> | ResultOf<Name>;

type Handlers = { readonly [Name in UnaryMethodName]: Handler<Name> };

/** What every door offers, whatever it speaks. */
export interface Service {
  readonly version: string;
  /**
   * Runs one call whose params have been parsed.
   * @throws TableError, or rejects with one.
   */
  call<Name extends UnaryMethodName>(
    method: Name,
    params: ParamsOf<Name>,
    context: CallContext,
  ): Promise<ResultOf<Name>> | ResultOf<Name>;
  /** Finds out who is asking. */
  readonly callers: Callers;
  openWatches(outlet: WatchOutlet): ConnectionWatches;
  /** The store itself, for doors that speak in its own requests. */
  readonly calls: StoreCalls;
  /**
   * The member's whole state as a backup file, in pieces that are made when they are asked for. Counted as
   * `maintenance.snapshot`. With `serializable` what the member has, without asking a quorum.
   */
  snapshot(serializable: boolean, context: CallContext): Promise<SnapshotStream>;
  heartbeat(): HeartbeatParams;
  health(serializable: boolean): Promise<HealthResult>;
  /** Everything that is measured of the member. */
  readings(): MemberReadings;
  /** What to answer for something thrown: itself, or `internal` for what nobody foresaw. */
  failure(thrown: unknown): TableError;
}

/** How a member is, what its store has counted and what was asked of it. */
export interface MemberReadings {
  readonly version: string;
  readonly status: StoreStatus;
  readonly store: StoreReadings;
  readonly service: ServiceReadings;
}

export interface ServiceOptions {
  readonly store: Store;
  /** The version of this software, as shown by status and `/version`. */
  readonly version: string;
  /** Told of every error that is not of the table; callers learn only that there was one. */
  readonly onInternalError?: (thrown: unknown) => void;
  /** Times requests; the process's own clock by default. */
  readonly monotonicMs?: () => number;
  /** What passwords and tokens are checked with; without it nobody can log in. */
  readonly credentials?: Credentials;
  /** Milliseconds since 1970, for status and for tokens; the machine's own clock by default. */
  readonly wallMs?: () => number;
}

/** Whoever asks gets an answer: how to say who one is, and what monitoring shows, as etcd has it. */
const openMethods: ReadonlySet<string> = new Set([
  'auth.status',
  'auth.login',
  'maintenance.status',
] satisfies UnaryMethodName[]);

/** The meaning of every method, over any store. */
export function createService(options: ServiceOptions): Service {
  const { store, version } = options;
  const headers = new Headers(store);
  const wallMs = options.wallMs ?? Date.now;
  const gate = new Gate(store, wallMs);
  const callers = new Callers({ store, credentials: options.credentials, wallMs });
  const kv = new KvService(store, headers, gate);
  const txn = new TxnService(store, headers, gate);
  const lease = new LeaseService(store, headers, gate);
  const auth = new AuthService({ store, headers, gate, callers, wallMs });
  const cluster = new ClusterService(store, headers);
  const maintenance = new MaintenanceService(store, headers, {
    version,
    wallMs,
    gate,
  });
  const handlers = {
    'kv.range': (params, context) => kv.range(params, context),
    'kv.put': (params, context) => kv.put(params, context),
    'kv.deleteRange': (params, context) => kv.deleteRange(params, context),
    'kv.scan': (params, context) => kv.scan(params, context),
    'kv.txn': (params, context) => txn.run(params, context),
    'kv.compact': (params, context) => kv.compact(params, context),
    'lease.grant': (params, context) => lease.grant(params, context),
    'lease.revoke': (params, context) => lease.revoke(params, context),
    'lease.keepAlive': (params, context) => lease.keepAlive(params, context),
    'lease.timeToLive': (params, context) => lease.timeToLive(params, context),
    'lease.list': () => lease.list(),
    'client.register': (_, context) => lease.registerClient(context),
    'cluster.members': (params) => cluster.members(params),
    'cluster.memberAdd': (params, context) => cluster.add(params, context),
    'cluster.memberRemove': (params, context) => cluster.remove(params, context),
    'cluster.memberUpdate': (params, context) => cluster.update(params, context),
    'cluster.memberPromote': (params, context) => cluster.promote(params, context),
    'cluster.memberReplace': (params, context) => cluster.replace(params, context),
    'maintenance.status': () => maintenance.status(),
    'maintenance.moveLeader': (params, context) => maintenance.moveLeader(params, context),
    'maintenance.alarms': (_, context) => maintenance.alarms(context),
    'maintenance.disarm': (params, context) => maintenance.disarm(params, context),
    'maintenance.arm': (params, context) => maintenance.arm(params, context),
    'maintenance.hash': (_, context) => maintenance.hash(context),
    'maintenance.hashKv': (params, context) => maintenance.hashKv(params, context),
    'maintenance.defragment': (_, context) => maintenance.defragment(context),
    'auth.status': () => auth.status(),
    'auth.enable': (_, context) => auth.enable(context),
    'auth.disable': (_, context) => auth.disable(context),
    'auth.login': (params) => auth.login(params),
    'auth.userAdd': (params, context) => auth.userAdd(params, context),
    'auth.userDelete': (params, context) => auth.userDelete(params, context),
    'auth.userChangePassword': (params, context) => auth.userChangePassword(params, context),
    'auth.userGrantRole': (params, context) => auth.userGrantRole(params, context),
    'auth.userRevokeRole': (params, context) => auth.userRevokeRole(params, context),
    'auth.userGet': (params, context) => auth.userGet(params, context),
    'auth.userList': (_, context) => auth.userList(context),
    'auth.roleAdd': (params, context) => auth.roleAdd(params, context),
    'auth.roleDelete': (params, context) => auth.roleDelete(params, context),
    'auth.roleGrantPermission': (params, context) => auth.roleGrantPermission(params, context),
    'auth.roleRevokePermission': (params, context) => auth.roleRevokePermission(params, context),
    'auth.roleGet': (params, context) => auth.roleGet(params, context),
    'auth.roleList': (_, context) => auth.roleList(context),
  } satisfies Handlers;
  const table: Handlers = handlers;
  const requests = new RequestCounts(options.monotonicMs ?? (() => performance.now()));
  const errorAnswers = new Map<string, number>();
  const watchEnds = new Map<string, number>();
  return {
    version,
    call: (method, params, context) =>
      requests.run(method, () => {
        const entered = openMethods.has(method) ? context : gate.context(context);
        return table[method](params, entered);
      }),
    callers,
    openWatches: (outlet) =>
      new ConnectionWatches({ store, headers, requests, gate, watchEnds }, outlet),
    calls: new StoreCalls({ store, headers, requests, gate, watchEnds }),
    snapshot: (serializable, context) =>
      requests.run('maintenance.snapshot', () =>
        maintenance.snapshot(serializable, gate.context(context)),
      ),
    heartbeat: () => maintenance.heartbeat(),
    health: (serializable) => maintenance.health(serializable),
    readings: () => ({
      version,
      status: store.status(),
      store: store.readings(),
      service: { requests: requests.readings(), errorAnswers, watchEnds },
    }),
    failure: (thrown) => {
      const failure = thrown instanceof TableError ? thrown : new TableError('internal');
      errorAnswers.set(failure.code, (errorAnswers.get(failure.code) ?? 0) + 1);
      if (failure !== thrown) options.onInternalError?.(thrown);
      return failure;
    },
  };
}
