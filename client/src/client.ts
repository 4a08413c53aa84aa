import type { HashResult, MemberId, MemberInfo, StatusResult } from '@lockstep/client/protocol';
import type { CallOptions } from './call.ts';
import { systemClock } from './clock.ts';
import { ConnectionMachine, type ConnectionSettings, connectionDefaults } from './connection.ts';
import { isObject, LockstepError } from './errors.ts';
import { dispatch, type Receiver } from './incoming.ts';
import { type Bytes, type KeyValue, type Selector, wireSelector } from './key-value.ts';
import { Leases } from './leases.ts';
import { Link } from './link.ts';
import type {
  AlarmsReply,
  ClientOptions,
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
import { Requests } from './requests.ts';
import { Scan } from './scan.ts';
import { endpointUrl, type TransportEnd } from './transport.ts';
import { type Operations, type TxnReply, type TxnRequest, txnOutcome, txnParams } from './txn.ts';
import type { Watch, WatchRequest } from './watch.ts';
import { Watcher } from './watcher.ts';

/**
 * A client of a cluster. It connects with its first call, keeps one connection, and connects
 * again for ever, to the next endpoint each time, until {@link close}. Every call ends by its deadline.
 * Calls are sent again after a loss; those that change something carry a number by which the
 * cluster runs them once. Where that cannot help they end in an AmbiguousError.
 */
export class Client implements AsyncDisposable {
  readonly leases: Leases;
  readonly #options: ClientOptions;
  readonly #machine: ConnectionMachine;
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #watcher: Watcher;
  readonly #receiver: Receiver;
  #clusterId: string | undefined;
  #seenRevision = 0;
  #closed = false;

  /** @throws LockstepError `invalid_params` when an endpoint is no address. */
  constructor(options: ClientOptions = {}) {
    const { endpoints = '127.0.0.1:2379', clock = systemClock } = options;
    const settings: ConnectionSettings = { ...connectionDefaults, ...options.connection };
    this.#options = options;
    this.#machine = new ConnectionMachine(checkedEndpoints(endpoints), settings);
    this.#link = new Link(
      {
        machine: this.#machine,
        settings,
        clock,
        connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
        dial: options.dial,
      },
      {
        up: () => this.#up(),
        frame: (text) => this.#frame(text),
        down: (end) => this.#down(end),
      },
    );
    const link = this.#link;
    const machine = this.#machine;
    this.#requests = new Requests(
      {
        get isUp() {
          return link.isUp;
        },
        start: () => link.start(),
        send: (frames) => link.send(frames),
        describe: () => machine.describeFailures(),
      },
      clock,
      {
        callTimeoutMs: options.callTimeoutMs ?? 5_000,
        waitingCallsMax: options.waitingCallsMax ?? 10_000,
        exactlyOnce: options.exactlyOnce ?? true,
      },
    );
    this.leases = new Leases(this.#requests);
    this.#watcher = new Watcher(link, this.#requests, clock, () => this.#seenRevision);
    this.#receiver = {
      reply: (id, result, error) => {
        if (error === undefined) this.#noteResult(result);
        this.#requests.reply(id, result, error);
      },
      events: (params, bytes) => {
        this.#seenRevision = Math.max(this.#seenRevision, params.revision);
        this.#watcher.events(params, bytes);
      },
      progress: (params, bytes) => {
        this.#seenRevision = Math.max(this.#seenRevision, params.revision);
        this.#watcher.progress(params, bytes);
      },
      ended: (params) => this.#watcher.ended(params),
      heartbeat: ({ hasLeader }) => {
        if (this.#machine.heartbeat(hasLeader)) this.#link.rotate('it has no leader');
      },
    };
  }

  /** The member the client is connected to, or is trying. */
  get endpoint(): string | undefined {
    return this.#machine.endpoint;
  }

  /** True while a connection to a member is open. */
  get isConnected(): boolean {
    return this.#link.isUp;
  }

  /** The newest revision an answer or an event has shown to this client; 0 before the first. */
  get seenRevision(): number {
    return this.#seenRevision;
  }

  /**
   * Writes one key. Without a value, and with `ignoreValue`, the key keeps the one it has.
   * @throws LockstepError `lease_not_found`, `key_not_found`, `no_space`.
   * @throws AmbiguousError when it was sent and its fate is unknown.
   */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutReply>;
  put(key: Bytes, value: undefined, options: KeepValueOptions): Promise<PutReply>;
  async put(key: Bytes, value: Bytes | undefined, options: PutOptions = {}): Promise<PutReply> {
    const result = await this.#requests.call('kv.put', putParams(key, value, options), options);
    return { header: result.header, prevKv: prevKvOf(result) };
  }

  /** Reads one key; undefined when there is none. Linearizable unless `serializable`. */
  async get(key: Bytes, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    return (await this.range(key, options)).kvs[0];
  }

  /**
   * Reads keys, in byte order unless sorted. Linearizable unless `serializable`.
   * @throws LockstepError `answer_too_large` beyond 4 MiB: narrow it, or {@link scan}.
   * @throws CompactedError when `revision` is older than what is kept.
   */
  async range(selector: Selector, options: RangeOptions = {}): Promise<RangeReply> {
    const { revision = 0, serializable = false } = options;
    // A linearizable read is never older than anything seen, so only the other kind has to say.
    const minRevision = serializable && revision === 0 ? this.#seenRevision : 0;
    const params = {
      ...rangeParams(selector, options),
      ...(minRevision === 0 ? {} : { minRevision }),
    };
    const result = await this.#requests.call('kv.range', params, options);
    return { header: result.header, ...rangeReply(result) };
  }

  /** Reads a range of any size in chunks, all of one revision; see {@link Scan}. `timeoutMs` is that of one chunk. */
  scan(selector: Selector, options: ScanOptions = {}): Scan {
    const { timeoutMs } = options;
    const of = timeoutMs === undefined ? {} : { timeoutMs };
    return new Scan(
      wireSelector(selector),
      options,
      () => this.#seenRevision,
      (params, signal) => this.#requests.call('kv.scan', params, { ...of, signal }),
    );
  }

  /** Deletes keys and says how many there were. @throws AmbiguousError as {@link put} does. */
  async delete(selector: Selector, options: DeleteOptions = {}): Promise<DeleteReply> {
    const params = deleteParams(selector, options);
    const result = await this.#requests.call('kv.deleteRange', params, options);
    return { header: result.header, ...deleteReply(result) };
  }

  /**
   * Runs operations if conditions hold, and others if not, at one revision; all or nothing. The
   * results have the types of the operations, in their order.
   * @throws AmbiguousError as {@link put} does, unless it only reads.
   */
  async txn<
    const Success extends Operations = readonly [],
    const Failure extends Operations = readonly [],
  >(
    request: TxnRequest<Success, Failure>,
    options: CallOptions = {},
  ): Promise<TxnReply<Success, Failure>> {
    const { params, changes } = txnParams(request);
    const result = await this.#requests.call('kv.txn', params, options, changes);
    return { header: result.header, ...txnOutcome(request, result) };
  }

  /** Drops the history below a revision. @throws CompactedError, LockstepError `future_revision`. */
  async compact(revision: number, options: CompactOptions = {}): Promise<HeaderReply> {
    const params = { revision, ...(options.physical === true ? { physical: true } : {}) };
    const { header } = await this.#requests.call('kv.compact', params, options);
    return { header };
  }

  /** Watches keys; see {@link Watch}. @throws ClosedError, LockstepError `invalid_params`. */
  watch(request: WatchRequest): Watch {
    const selectors = 'ranges' in request ? request.ranges : [request];
    const watch = this.#watcher.open(selectors.map(wireSelector), request);
    if (this.#closed) this.#watcher.close();
    return watch;
  }

  /** What the member at hand, or the one at `endpoint`, says of itself. */
  async status(endpoint?: string, options: CallOptions = {}): Promise<StatusResult> {
    if (endpoint === undefined) return this.#requests.call('maintenance.status', {}, options);
    return this.#at(endpoint, (client) => client.status(undefined, options));
  }

  async members(options: CallOptions = {}): Promise<readonly MemberInfo[]> {
    return (await this.#requests.call('cluster.members', {}, options)).members;
  }

  async alarms(options: CallOptions = {}): Promise<AlarmsReply> {
    return this.#requests.call('maintenance.alarms', {}, options);
  }

  /** Clears alarms and resolves with those that were cleared. */
  async disarm(options: DisarmOptions = {}): Promise<AlarmsReply> {
    const { memberId, alarm } = options;
    const params = {
      ...(memberId === undefined ? {} : { memberId }),
      ...(alarm === undefined ? {} : { alarm }),
    };
    return this.#requests.call('maintenance.disarm', params, options);
  }

  /** The checksum of the state of the member at hand, or of the one at `endpoint`. */
  async hash(endpoint?: string, options: CallOptions = {}): Promise<HashResult> {
    if (endpoint === undefined) return this.#requests.call('maintenance.hash', {}, options);
    return this.#at(endpoint, (client) => client.hash(undefined, options));
  }

  /** Hands leadership to another voter; the call goes to the leader, wherever it is. */
  async moveLeader(targetId: MemberId, options: CallOptions = {}): Promise<void> {
    const { leaderId, isLeader } = await this.status(undefined, options);
    if (isLeader) {
      await this.#requests.call('maintenance.moveLeader', { targetId }, options);
      return;
    }
    const members = await this.members(options);
    const leader = members.find(({ memberId }) => memberId === leaderId);
    if (leader === undefined || leader.clientAddress === '') {
      throw new LockstepError('no_leader', 'there is no leader that could hand over leadership');
    }
    await this.#at(leader.clientAddress, (client) => client.moveLeader(targetId, options));
  }

  /**
   * Ends everything: open calls reject with ClosedError (AmbiguousError if they may have taken
   * effect), watches end with ClosedError, the connection is closed.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watcher.close();
    this.#requests.close();
    this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #at<Result>(endpoint: string, use: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client({ ...this.#options, endpoints: endpoint, learnEndpoints: false });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  #up(): void {
    this.#requests.up();
    this.#watcher.up();
    if (this.#options.learnEndpoints !== false) this.#learn().catch(() => {});
  }

  #down(end: TransportEnd): void {
    this.#watcher.down();
    this.#requests.down(end);
  }

  /** Failing to learn costs nothing: the given endpoints stay. */
  async #learn(): Promise<void> {
    const members = await this.members();
    const addresses = members.map(({ clientAddress }) => clientAddress).filter(isEndpoint);
    this.#machine.learned(addresses);
  }

  #frame(text: string): void {
    const problem = dispatch(text, this.#receiver);
    if (problem !== undefined) this.#link.drop(problem);
  }

  #noteResult(result: unknown): void {
    if (!isObject(result) || !isObject(result.header)) return;
    const { clusterId, revision } = result.header;
    if (typeof revision !== 'number') return;
    if (clusterId === this.#clusterId) {
      if (revision > this.#seenRevision) this.#seenRevision = revision;
    } else if (typeof clusterId === 'string') {
      // Another cluster under the same address counts its own revisions and clients.
      if (this.#clusterId !== undefined) this.#requests.forgetRegistration();
      this.#clusterId = clusterId;
      this.#seenRevision = revision;
    }
  }
}

function checkedEndpoints(given: string | readonly string[]): readonly string[] {
  const list = typeof given === 'string' ? given.split(',') : given;
  const endpoints = [...new Set(list.map((endpoint) => endpoint.trim()))].filter(Boolean);
  if (endpoints.length === 0) {
    throw new LockstepError(
      'invalid_params',
      'there is no endpoint: name at least one, for example 127.0.0.1:2379',
    );
  }
  for (const endpoint of endpoints) endpointUrl(endpoint);
  return endpoints;
}

function isEndpoint(address: string): boolean {
  try {
    return address !== '' && endpointUrl(address) !== '';
  } catch {
    return false;
  }
}
