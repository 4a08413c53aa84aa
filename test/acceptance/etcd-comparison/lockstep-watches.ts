import { once } from 'node:events';
import type {
  HeartbeatParams,
  MethodName,
  ParamsOf,
  ResultOf,
  WatchEndParams,
  WatchEventsParams,
  WatchProgressParams,
  WireError,
} from '@lockstep/client/protocol';
import { subprotocol, webSocketPath } from '@lockstep/client/protocol';
import { WebSocket } from 'ws';
import { neutralEvent, watchParams } from './lockstep-wire.ts';
import type { SeenRevision, Watch, WatchLog } from './model.ts';

const patienceMs = 10_000;

interface Log extends WatchLog {
  readonly revisions: SeenRevision[];
  readonly faults: string[];
  /** The highest revision of which the member said that it has sent everything. */
  progress: number;
}

interface Reply {
  readonly result?: unknown;
  readonly error?: WireError;
}

interface Frame extends Reply {
  readonly id?: number | null;
  readonly method?: string;
  readonly params?: unknown;
}

/** One WebSocket connection with all watches of a run. */
export class LockstepWatches {
  readonly #socket: WebSocket;
  readonly #logs = new Map<number, Log>();
  /** By the id on the wire. */
  readonly #numbers = new Map<number, number>();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#take(JSON.parse(data.toString())));
    socket.on('close', (code) => this.#lost(`Lockstep closed the connection: ${code}`));
  }

  /** @param address host:port of the client door */
  static async open(address: string): Promise<LockstepWatches> {
    const socket = new WebSocket(`ws://${address}${webSocketPath}`, [subprotocol]);
    await once(socket, 'open');
    return new LockstepWatches(socket);
  }

  async create(watch: Watch): Promise<ResultOf<'watch.create'> | WireError> {
    return new Promise((resolve, reject) => {
      this.#call('watch.create', watchParams(watch), ({ result, error }) => {
        if (error !== undefined) return resolve(error);
        // The shape is the method's; a wrong one shows as a difference.
        const created = result as ResultOf<'watch.create'> | undefined;
        if (created === undefined) return reject(new Error('the connection is gone'));
        // Here and not later: the first events may be in the same read from the socket.
        this.#numbers.set(created.watchId, watch.watch);
        this.#logs.set(watch.watch, { revisions: [], faults: [], progress: 0 });
        resolve(created);
      });
    });
  }

  async cancel(watch: number): Promise<void> {
    for (const [watchId, number] of this.#numbers) {
      if (number !== watch) continue;
      const { canceled } = await this.#request('watch.cancel', { watchId });
      if (!canceled) this.log(watch).faults.push('there was no watch to cancel');
      this.#numbers.delete(watchId);
    }
  }

  /** Resolves when every watch has been told everything up to `revision`. */
  async settle(revision: number): Promise<void> {
    const { header } = await this.#request('watch.progress', {});
    if (header.revision < revision) {
      throw new Error(
        `watch.progress says ${header.revision}, and ${revision} was answered before`,
      );
    }
    for (const number of this.#numbers.values()) this.log(number).progress = header.revision;
  }

  log(watch: number): Log {
    const found = this.#logs.get(watch);
    if (found === undefined) throw new Error(`Lockstep has no watch ${watch}`);
    return found;
  }

  close(): void {
    this.#socket.removeAllListeners('close').terminate();
  }

  #request<Name extends MethodName>(name: Name, params: ParamsOf<Name>): Promise<ResultOf<Name>> {
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(
        () => reject(new Error(`${name} was not answered in ${patienceMs / 1000} s`)),
        patienceMs,
      );
      this.#call(name, params, ({ result, error }) => {
        clearTimeout(giveUp);
        if (error !== undefined) reject(new Error(`${name}: ${error.message}`));
        // The shape is the method's; a wrong one shows as a difference.
        else resolve(result as ResultOf<Name>);
      });
    });
  }

  #call(method: MethodName, params: object, done: (reply: Reply) => void): void {
    const id = this.#nextId++;
    this.#waiting.set(id, done);
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  #take(frame: Frame): void {
    if (typeof frame.id === 'number') {
      this.#waiting.get(frame.id)?.(frame);
      this.#waiting.delete(frame.id);
    } else if (frame.method !== undefined) this.#notified(frame.method, frame.params);
  }

  /** The params have the shape that the protocol gives the notification; a wrong one shows as a difference. */
  #notified(method: string, params: unknown): void {
    if (method === 'watch.events') this.#events(params as WatchEventsParams);
    else if (method === 'watch.progress') {
      const { watchIds, revision } = params as WatchProgressParams;
      for (const log of this.#logsOf(watchIds)) log.progress = Math.max(log.progress, revision);
    } else if (method === 'watch.end') {
      const { watchId, reason } = params as WatchEndParams;
      for (const log of this.#logsOf([watchId])) log.faults.push(`ended: ${reason}`);
    } else if (method === 'heartbeat') {
      if (!(params as HeartbeatParams).hasLeader) this.#lost('the member has no leader');
    }
  }

  #events({ watchIds, revision, events, fragment }: WatchEventsParams): void {
    const seen = { revision, events: events.map(neutralEvent) };
    for (const log of this.#logsOf(watchIds)) {
      log.revisions.push(seen);
      if (revision <= log.progress) {
        log.faults.push(`revision ${revision} came after the progress to ${log.progress}`);
      }
      if (fragment !== undefined) log.faults.push('a fragment that was not asked for');
      const other = events.find(({ kv }) => kv.modRevision !== revision);
      if (other !== undefined) log.faults.push(`revision ${revision} holds an event of another`);
    }
  }

  #logsOf(watchIds: readonly number[]): Log[] {
    return watchIds.map((watchId) => {
      const number = this.#numbers.get(watchId);
      if (number === undefined)
        throw new Error(`Lockstep notified of watch ${watchId}, which is none`);
      return this.log(number);
    });
  }

  #lost(why: string): void {
    for (const log of this.#logs.values()) log.faults.push(why);
    for (const done of this.#waiting.values()) done({});
    this.#waiting.clear();
  }
}
