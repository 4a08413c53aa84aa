import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  type Alarm,
  type ErrorCode,
  formatError,
  formatNotification,
  formatResult,
  type Header,
  isUnaryMethodName,
  type MethodName,
  type ParamsOf,
  subprotocol,
  TableError,
  type WatchEndReason,
  webSocketPath,
} from '@lockstep/client/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { FakeReplies, fakeMethods } from './fake-methods.ts';
import { type FakeBatch, FakeStore, selectBatch } from './fake-store.ts';

export interface SeenRequest {
  readonly method: MethodName;
  readonly params: Record<string, unknown>;
  /** Counts connections from 1. */
  readonly connection: number;
}

interface FakeWatch {
  readonly id: number;
  readonly params: ParamsOf<'watch.create'>;
  readonly nextRevision: number;
}

interface Connection {
  readonly number: number;
  readonly socket: WebSocket;
  readonly watches: Map<number, FakeWatch>;
  readonly listener: (batch: FakeBatch) => void;
}

export interface FakeOptions {
  /** The same for all members of one cluster. */
  readonly store?: FakeStore;
  readonly replies?: FakeReplies;
  readonly memberId?: string;
}

type Answer = 'normal' | 'swallow' | TableError;

/**
 * A member as a client sees it, over a real WebSocket, that misbehaves on request: it can refuse
 * connections, hang, cut them, hold answers back, swallow them, or answer with any error.
 */
export class FakeMember {
  readonly store: FakeStore;
  readonly replies: FakeReplies;
  readonly memberId: string;
  /** Events of one revision that a member puts into one notification, for a watch that takes fragments. */
  eventsPerFragment = 2;
  alarms: Alarm[] = [];
  clusterId = '77';
  /** Without a greeting it is a member that accepts connections and never says a word on them. */
  greets = true;
  readonly seen: SeenRequest[] = [];
  /** What `cluster.members` tells; itself unless set. */
  memberAddresses: string[] | undefined;
  leaderId: string;
  connectionsMade = 0;
  readonly #connections = new Set<Connection>();
  readonly #planned: { readonly method: MethodName; readonly answer: Answer }[] = [];
  readonly #waiters: { readonly method: MethodName; readonly resolve: (r: SeenRequest) => void }[] =
    [];
  #server: WebSocketServer;
  #port: number;
  #held: (() => void)[] | undefined;

  private constructor(
    server: WebSocketServer,
    { store = new FakeStore(), replies = new FakeReplies(), memberId = '1' }: FakeOptions,
  ) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.store = store;
    this.replies = replies;
    this.memberId = memberId;
    this.leaderId = memberId;
    this.#accept();
  }

  static async start(options: FakeOptions = {}): Promise<FakeMember> {
    return new FakeMember(await listen(0), options);
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#connections.size;
  }

  seenOf(method: MethodName): SeenRequest[] {
    return this.seen.filter((request) => request.method === method);
  }

  /** Resolves with the next request of this method that arrives from now on. */
  next(method: MethodName): Promise<SeenRequest> {
    return new Promise((resolve) => this.#waiters.push({ method, resolve }));
  }

  /** The next request of this method is refused with an error and not carried out. */
  failNext(method: MethodName, code: ErrorCode, message?: string): void {
    this.#planned.push({ method, answer: new TableError(code, message) });
  }

  /** The next request of this method is carried out and never answered. */
  swallowNext(method: MethodName): void {
    this.#planned.push({ method, answer: 'swallow' });
  }

  /** Requests from now on wait; the returned function carries them out, in order. */
  hold(): () => void {
    const held: (() => void)[] = [];
    this.#held = held;
    return () => {
      this.#held = undefined;
      for (const run of held) run();
    };
  }

  /** Cuts all connections without a word. */
  cut(): void {
    for (const { socket } of this.#connections) socket.terminate();
  }

  /** Closes all connections as a member does that stops in order (PROTOCOL [W-13]). */
  stopInOrder(): void {
    for (const { socket } of this.#connections) socket.close(1001, 'the member is stopping');
  }

  /** Cuts all connections and refuses new ones. */
  async refuse(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Listens again on the same port. */
  async listenAgain(): Promise<void> {
    this.#server = await listen(this.#port);
    this.#accept();
  }

  heartbeat(hasLeader = true): void {
    this.#broadcast(this.#heartbeat(hasLeader));
  }

  /** Sends a text frame to every connection as it is. */
  sendRaw(text: string): void {
    this.#broadcast(text);
  }

  /** Tells all watches that they have been sent everything. */
  progress(): void {
    const { revision } = this.store;
    for (const { socket, watches } of this.#connections) {
      const params = { watchIds: [...watches.keys()], revision };
      socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'watch.progress', params }));
    }
  }

  /** Ends all watches with a reason. */
  endWatches(reason: WatchEndReason): void {
    for (const connection of this.#connections) {
      for (const watch of connection.watches.values()) {
        const compacted =
          reason === 'compacted' ? { compactRevision: this.store.compactRevision } : {};
        connection.socket.send(
          formatNotification('watch.end', {
            watchId: watch.id,
            reason,
            resumeRevision: this.store.revision + 1,
            ...compacted,
          }),
        );
      }
      connection.watches.clear();
    }
  }

  async stop(): Promise<void> {
    this.#planned.length = 0;
    this.#held = undefined;
    if (this.#server.address() !== null) await this.refuse();
  }

  #heartbeat(hasLeader: boolean): string {
    const { clusterId, memberId } = this;
    const { revision } = this.store;
    return formatNotification('heartbeat', { clusterId, memberId, revision, hasLeader });
  }

  #broadcast(text: string): void {
    for (const { socket } of this.#connections) socket.send(text);
  }

  #accept(): void {
    this.#server.on('connection', (socket) => {
      const watches = new Map<number, FakeWatch>();
      const connection: Connection = {
        number: ++this.connectionsMade,
        socket,
        watches,
        listener: (batch) => {
          for (const watch of watches.values()) this.#deliver(connection, watch, batch);
        },
      };
      this.#connections.add(connection);
      this.store.listeners.add(connection.listener);
      if (this.greets) socket.send(this.#heartbeat(true));
      socket.on('message', (data) => this.#message(connection, String(data)));
      socket.on('close', () => {
        this.#connections.delete(connection);
        this.store.listeners.delete(connection.listener);
      });
    });
  }

  #message(connection: Connection, text: string): void {
    const { id, method, params } = JSON.parse(text) as {
      id: number;
      method: MethodName;
      params: Record<string, unknown>;
    };
    const seen = { method, params, connection: connection.number };
    this.seen.push(seen);
    const waiter = this.#waiters.findIndex((one) => one.method === method);
    if (waiter >= 0) this.#waiters.splice(waiter, 1)[0]?.resolve(seen);
    const planned = this.#planned.findIndex((one) => one.method === method);
    const answer = planned < 0 ? 'normal' : this.#planned.splice(planned, 1)[0]?.answer;
    const run = (): void => this.#run(connection, id, method, params, answer ?? 'normal');
    if (this.#held === undefined) run();
    else this.#held.push(run);
  }

  #run(
    connection: Connection,
    id: number,
    method: MethodName,
    params: Record<string, unknown>,
    answer: Answer,
  ): void {
    try {
      if (answer instanceof TableError) throw answer;
      const result = this.#carryOut(connection, method, params);
      // The handler below makes the result that fits the method; the type checker cannot follow.
      if (answer === 'normal') connection.socket.send(formatResult(id, result as never));
    } catch (error) {
      const table = error instanceof TableError ? error : new TableError('internal', String(error));
      connection.socket.send(formatError(id, table.toWire()));
    }
    // Past events follow the reply of the watch that asked for them.
    if (method === 'watch.create') {
      const watch = connection.watches.get(Number(params.watchId));
      for (const batch of watch === undefined ? [] : this.store.batches) {
        if (watch !== undefined) this.#deliver(connection, watch, batch);
      }
    }
  }

  #carryOut(connection: Connection, method: MethodName, given: Record<string, unknown>): unknown {
    switch (method) {
      case 'client.register':
        return { header: this.#header(), clientId: this.replies.register() };
      case 'maintenance.alarms':
        return { header: this.#header(), alarms: this.alarms };
      case 'maintenance.disarm':
        return { header: this.#header(), alarms: this.alarms.splice(0) };
      case 'watch.progress':
        return { header: this.#header() };
      case 'watch.create':
        return this.#createWatch(connection, given as unknown as ParamsOf<'watch.create'>);
      case 'watch.cancel':
        return {
          header: this.#header(),
          canceled: connection.watches.delete(Number(given.watchId)),
        };
      case 'cluster.members':
        return { header: this.#header(), members: this.#members() };
      case 'maintenance.status':
        return this.#status();
      case 'maintenance.moveLeader':
        if (this.leaderId !== this.memberId) throw new TableError('not_leader');
        this.leaderId = String(given.targetId);
        return { header: this.#header() };
      default:
        return this.#carryOutInStore(method, given);
    }
  }

  #carryOutInStore(method: MethodName, given: Record<string, unknown>): unknown {
    const answer = isUnaryMethodName(method) ? fakeMethods[method] : undefined;
    if (answer === undefined) throw new TableError('unknown_method');
    // The table has each method's own params; a client under test sends those.
    const carryOut = answer as (store: FakeStore, params: unknown) => object;
    return this.replies.once(given, () => {
      const result = carryOut(this.store, given);
      return { header: this.#header(), ...result };
    });
  }

  #createWatch(connection: Connection, params: ParamsOf<'watch.create'>): unknown {
    const start = params.startRevision || this.store.revision + 1;
    if (start <= this.store.compactRevision) {
      const { compactRevision } = this.store;
      throw new TableError('compacted', undefined, { compactRevision });
    }
    const id = params.watchId ?? 0;
    connection.watches.set(id, { id, params, nextRevision: start });
    return { header: this.#header(), watchId: id, startRevision: start };
  }

  #deliver({ socket }: Connection, watch: FakeWatch, batch: FakeBatch): void {
    if (batch.revision < watch.nextRevision) return;
    const seen = selectBatch(batch, watch.params);
    if (seen === undefined) return;
    const { revision, events } = seen;
    const size = watch.params.fragment === true ? this.eventsPerFragment : events.length;
    for (let at = 0; at < events.length; at += size) {
      const params = { watchIds: [watch.id], revision, events: events.slice(at, at + size) };
      const fragment = at + size < events.length ? { fragment: true } : {};
      socket.send(formatNotification('watch.events', { ...params, ...fragment }));
    }
  }

  #header(): Header {
    return {
      clusterId: this.clusterId,
      memberId: this.memberId,
      revision: this.store.revision,
      term: 2,
    };
  }

  #members(): unknown[] {
    const addresses = this.memberAddresses ?? [this.address];
    return addresses.map((clientAddress, at) => ({
      memberId: this.memberAddresses === undefined ? this.memberId : String(at + 1),
      name: `m${this.memberAddresses === undefined ? this.memberId : at + 1}`,
      clientAddress,
      peerAddress: '127.0.0.1:1',
      isLearner: false,
    }));
  }

  #status(): unknown {
    return {
      header: this.#header(),
      version: '0.1.0',
      name: `m${this.memberId}`,
      leaderId: this.leaderId,
      isLeader: this.leaderId === this.memberId,
      isLearner: false,
      raftTerm: 2,
      raftIndex: 9,
      committedIndex: 9,
      appliedIndex: 9,
      keys: this.store.range({ prefix: '' }).length,
      compactRevision: this.store.compactRevision,
      watchers: 0,
      errors: [],
      clusterVersion: 1,
      clusterVersions: { lowest: 1, highest: 1 },
      timeMs: 0,
    };
  }
}

async function listen(port: number): Promise<WebSocketServer> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    path: webSocketPath,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  await once(server, 'listening');
  return server;
}
