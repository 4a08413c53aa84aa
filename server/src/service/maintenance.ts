import {
  type AlarmArmParams,
  type AlarmArmResult,
  type AlarmDisarmParams,
  type AlarmDisarmResult,
  type AlarmListResult,
  type DefragmentResult,
  type HashKvParams,
  type HashKvResult,
  type HashResult,
  type HealthResult,
  type HeartbeatParams,
  type MoveLeaderParams,
  type MoveLeaderResult,
  type StatusResult,
  TableError,
} from '@lockstep/client/protocol';
import type { SnapshotStream, Store } from '../store.ts';
import { administer, type CallContext } from './caller.ts';
import type { Gate } from './gate.ts';
import type { Headers } from './headers.ts';

/** How the member is, and the few things an operator asks of it. */
export class MaintenanceService {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #version: string;
  readonly #wallMs: () => number;
  readonly #gate: Gate;

  constructor(
    store: Store,
    headers: Headers,
    {
      version,
      wallMs,
      gate,
    }: { readonly version: string; readonly wallMs: () => number; readonly gate: Gate },
  ) {
    this.#store = store;
    this.#headers = headers;
    this.#version = version;
    this.#wallMs = wallMs;
    this.#gate = gate;
  }

  status(): StatusResult {
    const status = this.#store.status();
    return {
      header: this.#headers.at(status),
      version: this.#version,
      name: status.name,
      leaderId: status.leaderId ?? null,
      isLeader: status.leaderId === status.memberId,
      isLearner: status.isLearner,
      raftTerm: status.term,
      raftIndex: status.lastIndex,
      committedIndex: status.committedIndex,
      appliedIndex: status.appliedIndex,
      keys: status.keys,
      compactRevision: status.compactRevision,
      watchers: status.watchers,
      leases: status.leases,
      stateBytes: status.stateBytes,
      liveBytes: status.liveBytes,
      quotaBytes: status.quotaBytes,
      alarms: status.alarms,
      errors: status.errors,
      clusterVersion: status.clusterVersion,
      clusterVersions: status.clusterVersions,
      timeMs: Math.round(this.#wallMs()),
    };
  }

  async moveLeader(params: MoveLeaderParams, context: CallContext): Promise<MoveLeaderResult> {
    administer(context.caller);
    await this.#store.moveLeader(params.targetId);
    return { header: this.#headers.now() };
  }

  async alarms({ caller }: CallContext): Promise<AlarmListResult> {
    administer(caller);
    const { alarms, stamp } = await this.#store.alarms();
    return { header: this.#headers.at(stamp), alarms };
  }

  async disarm(params: AlarmDisarmParams, context: CallContext): Promise<AlarmDisarmResult> {
    const { memberId, alarm } = params;
    return this.#gate.change(
      context.caller,
      administer,
      (asker) => this.#store.disarm({ memberId, alarm }, asker),
      ({ alarms, stamp }) => ({ header: this.#headers.at(stamp), alarms }),
    );
  }

  async arm(params: AlarmArmParams, context: CallContext): Promise<AlarmArmResult> {
    return this.#gate.change(
      context.caller,
      administer,
      (asker) => this.#store.arm(params, asker),
      ({ alarms, stamp }) => ({ header: this.#headers.at(stamp), alarms }),
    );
  }

  async hashKv(params: HashKvParams, { caller }: CallContext): Promise<HashKvResult> {
    administer(caller);
    const { stamp, ...reply } = await this.#store.hashKv(params.revision ?? 0);
    return { header: this.#headers.at(stamp), ...reply };
  }

  async defragment(context: CallContext): Promise<DefragmentResult> {
    administer(context.caller);
    const { stamp } = await this.#store.defragment();
    return { header: this.#headers.at(stamp) };
  }

  /** The whole state, so for administrators alone. */
  async snapshot(serializable: boolean, context: CallContext): Promise<SnapshotStream> {
    administer(context.caller);
    return this.#store.snapshot({ serializable, minRevision: 0 });
  }

  async hash({ caller }: CallContext): Promise<HashResult> {
    administer(caller);
    const { hash, compactRevision, appliedIndex, stamp } = await this.#store.hash();
    const header = this.#headers.at(stamp);
    return { header, hash, revision: stamp.revision, compactRevision, appliedIndex };
  }

  heartbeat(): HeartbeatParams {
    const { clusterId, memberId, revision, leaderId } = this.#store.status();
    return { clusterId, memberId, revision, hasLeader: leaderId !== undefined };
  }

  /**
   * Whether the member can serve: linearizable requests (it reaches a quorum now), or with
   * `serializable` only that it runs and answers. Never rejects.
   */
  async health(serializable: boolean): Promise<HealthResult> {
    if (serializable) return { health: 'true', reason: '' };
    try {
      await this.#store.confirmLeadership();
      return { health: 'true', reason: '' };
    } catch (error) {
      const reason = error instanceof TableError ? error.message : 'internal error';
      return { health: 'false', reason };
    }
  }
}
