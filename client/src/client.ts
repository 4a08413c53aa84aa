import type {
  AlarmKind,
  HashKvResult,
  HashResult,
  MemberId,
  MemberInfo,
  StatusResult,
} from '@lockstep/client/protocol';
import type { CallOptions } from './calls/call.ts';
import * as changes from './changes.ts';
import type { Clock } from './clock.ts';
import { Cluster } from './cluster.ts';
import type { ConnectionStatus } from './connection/connection-status.ts';
import { bindWire, Wire, within } from './connection/wire.ts';
import { ClosedError, refusal, UnavailableError } from './errors.ts';
import { type Bytes, type KeyValue, type Selector, wireSelector } from './key-value.ts';
import { Leases } from './leases.ts';
import type {
  AlarmsReply,
  ClientOptions,
  CloseOptions,
  CompactOptions,
  DeleteOptions,
  DeleteReply,
  DisarmOptions,
  HeaderReply,
  KeepValueOptions,
  PutOptions,
  PutReply,
  RangeOptions,
  RangeReply,
  ReadOptions,
  ScanOptions,
} from './options.ts';
import {
  deleteParams,
  deleteReply,
  prevKvOf,
  putParams,
  rangeParams,
  rangeReply,
} from './params.ts';
import { Scan } from './scan.ts';
import { fetchSnapshot, type Snapshot, type SnapshotOptions } from './snapshot.ts';
import { type Operations, type TxnReply, type TxnRequest, txnOutcome, txnParams } from './txn.ts';
import { TxnBuilder } from './txn-builder.ts';
import { Watch, type WatchEvent, type WatchRequest } from './watch/watch.ts';

const drainMsDefault = 5_000;

/**
 * A client of a cluster. It connects with its first call, keeps one connection, and connects
 * again for ever, to the next endpoint each time, until {@link close}. Every call ends by its deadline.
 * Calls are sent again after a loss; those that change something carry a number by which the
 * cluster runs them once. Where that cannot help they end in an AmbiguousError.
 *
 * Sessions, caches and spaces are classes over a client, so that a page which uses none of them does not load them.
 */
export class Client implements AsyncDisposable {
  readonly leases: Leases;
  readonly cluster: Cluster;
  readonly #options: ClientOptions;
  readonly #wire: Wire;
  #closing: Promise<void> | undefined;

  /** @throws InvalidError when an endpoint is no address. */
  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#wire = new Wire(options);
    bindWire(this, this.#wire);
    this.leases = new Leases(this.#wire.requests);
    this.cluster = new Cluster(this.#wire.requests);
  }

  /** Time as this client sees it. */
  get clock(): Clock {
    return this.#wire.clock;
  }

  /** The member the client is connected to, or is trying. */
  get endpoint(): string | undefined {
    return this.#wire.endpoint;
  }

  /** True while a connection to a member is open. */
  get isConnected(): boolean {
    return this.#wire.isUp;
  }

  /** Where the connection stands. */
  get connection(): ConnectionStatus {
    return this.#wire.statuses.now;
  }

  /** The newest revision an answer or an event has shown to this client; 0 before the first. */
  get seenRevision(): number {
    return this.#wire.seenRevision;
  }

  /** Where the connection stands, then every change of that; ends when the client is closed. */
  connections(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ConnectionStatus, void, undefined> {
    return this.#wire.statuses.read(options.signal);
  }

  /** Resolves when there is a connection. @throws UnavailableError, with the reasons, at the deadline. */
  ready(options: CallOptions = {}): Promise<void> {
    const { signal, timeoutMs = this.#wire.callTimeoutMs } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#wire.isClosed) return reject(new ClosedError());
      const settle = (): void => {
        cancel();
        forget();
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        settle();
        reject(signal?.reason);
      };
      const cancel = this.#wire.clock.after(timeoutMs, () => {
        settle();
        const why = this.#wire.describeFailures();
        const because = why === '' ? '' : ` (${why})`;
        reject(new UnavailableError(`no member answers within ${timeoutMs} ms${because}`));
      });
      signal?.addEventListener('abort', abort, { once: true });
      let forget = (): void => {};
      forget = this.#wire.whenUp((closed) => {
        settle();
        if (closed === undefined) resolve();
        else reject(closed);
      });
    });
  }

  /**
   * Writes one key. Without a value, and with `ignoreValue`, the key keeps the one it has.
   * @throws LeaseNotFoundError, KeyNotFoundError, NoSpaceError.
   * @throws AmbiguousError when it was sent and its fate is unknown.
   */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutReply>;
  put(key: Bytes, value: undefined, options: KeepValueOptions): Promise<PutReply>;
  async put(key: Bytes, value: Bytes | undefined, options: PutOptions = {}): Promise<PutReply> {
    const params = putParams(key, value, options);
    const result = await this.#wire.requests.call('kv.put', params, options);
    return { header: result.header, prevKv: prevKvOf(result) };
  }

  /** Writes a key that is not there yet. @throws KeyExistsError when it is; else as {@link put}. */
  async create(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<changes.WrittenReply> {
    return changes.create(this, key, value, options);
  }

  /**
   * Writes a key if `ifRevision` was the last to write it: the modRevision of the pair that the caller read.
   * @throws ConflictError, with the revision that was, when it was not; else as {@link put}.
   */
  async update(
    key: Bytes,
    value: Bytes,
    options: changes.UpdateOptions,
  ): Promise<changes.WrittenReply> {
    return changes.update(this, key, value, options);
  }

  /**
   * Reads a key, lets `change` decide what it should be, and writes that if nobody else has written meanwhile;
   * else `change` is asked again with what is there now. It answers the new value, `deleteKey`, or
   * undefined to leave the key as it is; what it throws ends the call. The key keeps its lease unless
   * another is given. The deadline is that of each step.
   */
  modify(
    key: Bytes,
    change: Parameters<typeof changes.modify>[2],
    options: CallOptions & { readonly lease?: string } = {},
  ): ReturnType<typeof changes.modify> {
    return changes.modify(this, key, change, options);
  }

  /** Reads one key; undefined when there is none. Linearizable unless `serializable`. */
  async get(key: Bytes, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    return (await this.range(key, options)).kvs[0];
  }

  /**
   * Reads keys, in byte order unless sorted. Linearizable unless `serializable`.
   * @throws TooLargeError beyond 4 MiB: narrow it, or {@link scan}.
   * @throws CompactedError when `revision` is older than what is kept.
   */
  async range(selector: Selector, options: RangeOptions = {}): Promise<RangeReply> {
    const { revision = 0, serializable = false } = options;
    // A linearizable read is never older than anything seen, so only the other kind has to say.
    const minRevision = serializable && revision === 0 ? this.seenRevision : 0;
    const params = {
      ...rangeParams(selector, options),
      ...(minRevision === 0 ? {} : { minRevision }),
    };
    const result = await this.#wire.requests.call('kv.range', params, options);
    return { header: result.header, ...rangeReply(result) };
  }

  /** Reads a range of any size in chunks, all of one revision; see {@link Scan}. `timeoutMs` is that of one chunk. */
  scan(selector: Selector, options: ScanOptions = {}): Scan {
    const { timeoutMs } = options;
    const of = timeoutMs === undefined ? {} : { timeoutMs };
    return new Scan(
      wireSelector(selector),
      options,
      () => this.seenRevision,
      (params, signal) => this.#wire.requests.call('kv.scan', params, { ...of, signal }),
    );
  }

  /** Deletes keys and says how many there were. @throws AmbiguousError as {@link put} does. */
  async delete(selector: Selector, options: DeleteOptions = {}): Promise<DeleteReply> {
    const params = deleteParams(selector, options);
    const result = await this.#wire.requests.call('kv.deleteRange', params, options);
    return { header: result.header, ...deleteReply(result) };
  }

  /**
   * Runs operations if conditions hold, and others if not, at one revision; all or nothing. The
   * results have the types of the operations, in their order. Without a request it gives a builder, whose
   * `commit` does the same: `client.txn().if(...).do(...).else(...).commit()`.
   * @throws AmbiguousError as {@link put} does, unless it only reads.
   */
  txn(): TxnBuilder<readonly [], readonly []>;
  txn<
    const Success extends Operations = readonly [],
    const Failure extends Operations = readonly [],
  >(
    request: TxnRequest<Success, Failure>,
    options?: CallOptions,
  ): Promise<TxnReply<Success, Failure>>;
  txn(
    request?: TxnRequest<Operations, Operations>,
    options: CallOptions = {},
  ): Promise<TxnReply<Operations, Operations>> | TxnBuilder<readonly [], readonly []> {
    if (request !== undefined) return this.#txn(request, options);
    return new TxnBuilder((built, how) => this.#txn(built, how), [], [], []);
  }

  async #txn<const Success extends Operations, const Failure extends Operations>(
    request: TxnRequest<Success, Failure>,
    options: CallOptions,
  ): Promise<TxnReply<Success, Failure>> {
    const { params, changes: writes } = txnParams(request);
    const result = await this.#wire.requests.call('kv.txn', params, options, writes);
    return { header: result.header, ...txnOutcome(request, result) };
  }

  /** Watches keys; see {@link Watch}. On a closed client it has ended. @throws InvalidError. */
  watch(request: WatchRequest): Watch {
    return this.watchAs(request, (event) => event);
  }

  /** The same, with events of another shape. */
  watchAs<Event>(request: WatchRequest, shape: (event: WatchEvent) => Event): Watch<Event> {
    return new Watch(this.#wire.watch(rangesOf(request), request), shape);
  }

  /** Drops the history below a revision. @throws CompactedError, InvalidError. */
  async compact(revision: number, options: CompactOptions = {}): Promise<HeaderReply> {
    const params = { revision, ...(options.physical === true ? { physical: true } : {}) };
    const { header } = await this.#wire.requests.call('kv.compact', params, options);
    return { header };
  }

  /** What the member at hand, or the one at `endpoint`, says of itself. */
  async status(endpoint?: string, options: CallOptions = {}): Promise<StatusResult> {
    if (endpoint === undefined) return this.#wire.requests.call('maintenance.status', {}, options);
    return this.#at(endpoint, (client) => client.status(undefined, options));
  }

  /** As the member at hand knows them; `cluster.members` asks for the newest. */
  async members(options: CallOptions = {}): Promise<readonly MemberInfo[]> {
    return (await this.#wire.requests.call('cluster.members', {}, options)).members;
  }

  async alarms(options: CallOptions = {}): Promise<AlarmsReply> {
    return this.#wire.requests.call('maintenance.alarms', {}, options);
  }

  /** Clears alarms and resolves with those that were cleared. */
  async disarm(options: DisarmOptions = {}): Promise<AlarmsReply> {
    const { memberId, alarm } = options;
    const params = {
      ...(memberId === undefined ? {} : { memberId }),
      ...(alarm === undefined ? {} : { alarm }),
    };
    return this.#wire.requests.call('maintenance.disarm', params, options);
  }

  /** The checksum of the state of the member at hand, or of the one at `endpoint`. */
  async hash(endpoint?: string, options: CallOptions = {}): Promise<HashResult> {
    if (endpoint === undefined) return this.#wire.requests.call('maintenance.hash', {}, options);
    return this.#at(endpoint, (client) => client.hash(undefined, options));
  }

  /** The checksum of the versions of keys up to `revision`, 0 for the newest, at the member at hand or at `endpoint`. */
  async hashKv(revision = 0, endpoint?: string, options: CallOptions = {}): Promise<HashKvResult> {
    if (endpoint !== undefined) {
      return this.#at(endpoint, (client) => client.hashKv(revision, undefined, options));
    }
    const params = revision === 0 ? {} : { revision };
    return this.#wire.requests.call('maintenance.hashKv', params, options);
  }

  /** Raises an alarm by hand, which stays until it is cleared by hand. */
  async arm(memberId: MemberId, alarm: AlarmKind, options: CallOptions = {}): Promise<AlarmsReply> {
    return this.#wire.requests.call('maintenance.arm', { memberId, alarm }, options);
  }

  /**
   * The whole state of the member at hand, or of the one at `endpoint`, as a backup file; over HTTP, beside the
   * connection. `timeoutMs` is that of the first byte. Who does not read it to the end ends the iteration.
   * @throws UnavailableError, or what the member refused with: without a quorum only `serializable` is answered.
   */
  async snapshot(endpoint?: string, options: SnapshotOptions = {}): Promise<Snapshot> {
    const { timeoutMs = this.#wire.callTimeoutMs } = options;
    if (endpoint === undefined) await this.ready(options);
    return fetchSnapshot(endpoint ?? this.endpoint ?? '', timeoutMs, options);
  }

  /** Hands leadership to another voter; the call goes to the leader, wherever it is. */
  async moveLeader(targetId: MemberId, options: CallOptions = {}): Promise<void> {
    const { leaderId, isLeader } = await this.status(undefined, options);
    if (isLeader) {
      await this.#wire.requests.call('maintenance.moveLeader', { targetId }, options);
      return;
    }
    const members = await this.members(options);
    const leader = members.find(({ memberId }) => memberId === leaderId);
    if (leader === undefined || leader.clientAddress === '') {
      throw refusal('no_leader', 'there is no leader that could hand over leadership');
    }
    await this.#at(leader.clientAddress, (client) => client.moveLeader(targetId, options));
  }

  /**
   * Ends everything, in order: sessions are closed and their leases revoked, watches and caches end with a
   * ClosedError, calls under way may still end, for at most `drainMs` and as long as there is a connection when it
   * begins; then what is left of them rejects with a ClosedError (AmbiguousError if it may have taken
   * effect) and the connection is closed. New calls are refused from the beginning on. Never rejects.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.drainMs ?? drainMsDefault);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    const wire = this.#wire;
    const closed = wire.closeTenants();
    wire.watcher.close();
    const drained = wire.requests.drain();
    if (drainMs > 0 && wire.isUp) {
      await within(wire.clock, drainMs, Promise.all([drained, closed]));
    }
    wire.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #at<Result>(endpoint: string, use: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ ...this.#options, endpoints: endpoint, learnEndpoints: false });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }
}

function rangesOf(request: WatchRequest): ReturnType<typeof wireSelector>[] {
  const selectors = 'ranges' in request ? request.ranges : [request];
  return selectors.map(wireSelector);
}
