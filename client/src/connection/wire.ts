import type { HeartbeatParams, KeySelector } from '@lockstep/client/protocol';
import { Requests } from '../calls/requests.ts';
import { type Clock, systemClock } from '../clock.ts';
import { ClosedError, invalid, isObject } from '../errors.ts';
import type { ClientOptions } from '../options.ts';
import type { WatchOptions, WatchSource } from '../watch/watch.ts';
import { Watcher } from '../watch/watcher.ts';
import { ConnectionMachine, type ConnectionSettings, connectionDefaults } from './connection.ts';
import { ConnectionStatuses } from './connection-status.ts';
import { dispatch, type Receiver } from './incoming.ts';
import { Link } from './link.ts';
import { type ClientAuth, Login, loginId } from './login.ts';
import { connectionChannel } from './trace.ts';
import { type ClientTls, endpointUrl, type TransportEnd } from './transport.ts';

/**
 * Everything of a client that is below its methods: one connection, the calls and watches on it,
 * and what was learned from the cluster.
 *
 *     Client -> Requests, Watcher -> Link -> Transport
 *                     ^                |
 *                     +-- incoming <---+
 */
export class Wire {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly watcher: Watcher;
  readonly statuses = new ConnectionStatuses();
  readonly #options: ClientOptions;
  readonly #machine: ConnectionMachine;
  readonly #link: Link;
  readonly #receiver: Receiver;
  readonly #login: Login | undefined;
  readonly #whenUp = new Set<(closed?: ClosedError) => void>();
  readonly #tenants = new Set<() => Promise<void>>();
  #closingTenants = false;
  #clusterId: string | undefined;
  #seenRevision = 0;
  #closed = false;

  /** @throws InvalidError when an endpoint is no address. */
  constructor(options: ClientOptions) {
    const { endpoints = '127.0.0.1:2379', clock = systemClock } = options;
    const settings: ConnectionSettings = { ...connectionDefaults, ...options.connection };
    this.#options = options;
    this.clock = clock;
    this.#machine = new ConnectionMachine(checkedEndpoints(endpoints, options.tls), settings);
    const machine = this.#machine;
    const link = new Link(
      {
        machine,
        settings,
        clock,
        connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
        dial: options.dial,
        tls: options.tls,
      },
      {
        greeted: (text) => this.#greeted(text),
        connecting: () => this.#changed('connecting'),
        up: () => this.#up(),
        frame: (text) => this.#frame(text),
        down: (end) => this.#down(end),
      },
    );
    this.#link = link;
    const { auth } = options;
    if (auth !== undefined) {
      this.#login = new Login(checkedAuth(auth), clock, (frame) => link.send([frame]));
    }
    this.requests = new Requests(
      {
        get isUp() {
          return link.isUp;
        },
        get endpoint() {
          return machine.endpoint;
        },
        start: () => this.start(),
        send: (frames) => link.send(frames),
        describe: () => machine.describeFailures(),
      },
      clock,
      {
        callTimeoutMs: this.callTimeoutMs,
        waitingCallsMax: options.waitingCallsMax ?? 10_000,
        exactlyOnce: options.exactlyOnce ?? true,
      },
    );
    this.watcher = new Watcher(
      {
        get isUp() {
          return link.isUp;
        },
        start: () => this.start(),
        rotate: (reason) => link.rotate(reason),
        drop: (reason) => link.drop(reason),
      },
      this.requests,
      clock,
      { seenRevision: () => this.#seenRevision, clusterId: () => this.#clusterId },
    );
    this.#receiver = {
      reply: (id, result, error) => {
        if (error === undefined) this.#noteResult(result);
        if (id === loginId) this.#login?.reply(result, error);
        else this.requests.reply(id, result, this.#login?.seen(error) ?? error);
      },
      events: (params, bytes) => {
        this.#saw(params.revision);
        this.watcher.events(params, bytes);
      },
      progress: (params, bytes) => {
        this.#saw(params.revision);
        this.watcher.progress(params, bytes);
      },
      ended: (params) => this.watcher.ended(params),
      heartbeat: ({ hasLeader }) => {
        if (this.#machine.heartbeat(hasLeader)) this.#link.rotate('it has no leader');
      },
    };
  }

  get endpoint(): string | undefined {
    return this.#machine.endpoint;
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get seenRevision(): number {
    return this.#seenRevision;
  }

  /** What lives on the client and is closed before it, each at once and in its own time. */
  addTenant(close: () => Promise<void>): () => void {
    if (this.#closingTenants) close().catch(() => {});
    else this.#tenants.add(close);
    return () => this.#tenants.delete(close);
  }

  async closeTenants(): Promise<void> {
    this.#closingTenants = true;
    await Promise.allSettled([...this.#tenants].map((close) => close()));
  }

  /** Starts connecting, once. */
  start(): void {
    if (this.statuses.now.state === 'idle') this.#changed('connecting');
    this.#link.start();
  }

  /** Leaves the member at hand for another one, if there is one. */
  rotate(reason: string): void {
    this.#link.rotate(reason);
  }

  /** Calls back once there is a connection, or with an error when there will be none; the returned function takes that back. */
  whenUp(run: (closed?: ClosedError) => void): () => void {
    if (this.isUp) {
      run();
      return () => {};
    }
    this.#whenUp.add(run);
    this.start();
    return () => this.#whenUp.delete(run);
  }

  /** Those given, and those the cluster has named. */
  get endpoints(): readonly string[] {
    return this.#machine.endpoints;
  }

  get tls(): ClientTls | undefined {
    return this.#options.tls;
  }

  get auth(): ClientAuth | undefined {
    return this.#options.auth;
  }

  get callTimeoutMs(): number {
    return this.#options.callTimeoutMs ?? 5_000;
  }

  /** @throws InvalidError. On a closed client the watch has ended. */
  watch(
    ranges: readonly KeySelector[],
    options: WatchOptions,
    onRunning?: (isRunning: boolean) => void,
  ): WatchSource {
    const source = this.watcher.open(ranges, options, onRunning);
    if (this.#closed || this.#closingTenants) this.watcher.close();
    return source;
  }

  /** Why there is no connection; empty when nothing failed. */
  describeFailures(): string {
    return this.#machine.describeFailures();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.watcher.close();
    this.requests.close();
    this.#login?.down();
    this.#link.close();
    this.#changed('closed');
    for (const run of [...this.#whenUp]) run(new ClosedError());
    this.#whenUp.clear();
  }

  #changed(state: 'connecting' | 'connected' | 'closed'): void {
    const reason = state === 'connected' ? '' : this.#machine.describeFailures();
    this.statuses.set({
      state,
      endpoint: this.#machine.endpoint,
      reason: reason === '' ? undefined : reason,
    });
    if (connectionChannel.hasSubscribers) connectionChannel.publish(this.statuses.now);
  }

  /** A member says whom it belongs to before anything is asked of it [W-10]. */
  #greeted(text: string): string | undefined {
    let greeting: Partial<HeartbeatParams> | undefined;
    const problem = dispatch(text, {
      ...this.#receiver,
      heartbeat: (params) => {
        greeting = params;
      },
    });
    const clusterId = greeting?.clusterId;
    if (problem !== undefined || typeof clusterId !== 'string') {
      return problem ?? 'it does not say to which cluster it belongs, as a member does first';
    }
    if (this.#clusterId !== undefined && clusterId !== this.#clusterId) {
      return `it belongs to cluster ${clusterId}, and this client to cluster ${this.#clusterId}`;
    }
    this.#clusterId = clusterId;
    return undefined;
  }

  #up(): void {
    this.#changed('connected');
    this.#login?.up();
    this.requests.up();
    this.watcher.up();
    for (const run of [...this.#whenUp]) {
      this.#whenUp.delete(run);
      run();
    }
    if (this.#options.learnEndpoints !== false) this.#learn().catch(() => {});
  }

  #down(end: TransportEnd): void {
    this.#login?.down();
    this.watcher.down();
    this.requests.down(end);
  }

  /** Failing to learn costs nothing: the given endpoints stay. */
  async #learn(): Promise<void> {
    const { members } = await this.requests.call('cluster.members', {});
    // A member tells addresses without a scheme, and all members are dialed alike: so no call ever leaves TLS.
    const scheme = /^[a-z]+:\/\//.exec(this.#machine.endpoint ?? '')?.[0] ?? '';
    const addresses = members
      .filter(({ clientAddress }) => clientAddress !== '')
      .map(({ clientAddress }) => `${scheme}${clientAddress}`)
      .filter(isEndpoint);
    this.#machine.learned(addresses);
  }

  #frame(text: string): void {
    const problem = dispatch(text, this.#receiver);
    if (problem !== undefined) this.#link.drop(problem);
  }

  #noteResult(result: unknown): void {
    if (!isObject(result) || !isObject(result.header)) return;
    const { revision } = result.header;
    if (typeof revision === 'number') this.#saw(revision);
  }

  #saw(revision: number): void {
    if (revision > this.#seenRevision) this.#seenRevision = revision;
  }
}

const wires = new WeakMap<object, Wire>();

/** Lets the classes over a client reach what is below it, and nobody else. */
export function bindWire(client: object, wire: Wire): void {
  wires.set(client, wire);
}

export function wireOf(client: object): Wire {
  const wire = wires.get(client);
  if (wire === undefined) throw invalid('this is no client: give what `new Client()` made');
  return wire;
}

/** Resolves with true when `promise` settles within `ms`, with false if not. */
export function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve(false));
    const settled = (): void => {
      cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** What a program without types may have given. */
function checkedAuth(auth: ClientAuth): ClientAuth {
  const given: { name?: unknown; password?: unknown; token?: unknown } = auth;
  const { name, password, token } = given;
  const isToken = typeof token === 'string' && name === undefined && password === undefined;
  const isPassword = typeof name === 'string' && typeof password === 'string';
  if (isToken || (isPassword && token === undefined)) return auth;
  throw invalid('auth must be { name, password } or { token }, of texts');
}

function checkedEndpoints(
  given: string | readonly string[],
  tls: ClientTls | undefined,
): readonly string[] {
  const list = typeof given === 'string' ? given.split(',') : given;
  const endpoints = [...new Set(list.map((endpoint) => endpoint.trim()))].filter(Boolean);
  if (endpoints.length === 0) {
    throw invalid('there is no endpoint: name at least one, for example 127.0.0.1:2379');
  }
  for (const endpoint of endpoints) endpointUrl(endpoint, tls !== undefined);
  return endpoints;
}

function isEndpoint(address: string): boolean {
  try {
    return endpointUrl(address) !== '';
  } catch {
    return false;
  }
}
