import type { Dial } from '@lockstep/client';
import { ClientConnection } from './client-connection.ts';
import type { SimDoor } from './sim-door.ts';
import type { SimTime } from './sim-time.ts';

/** What becomes of clients of a member that are cut off: no packet passes, or they are refused. */
export type CutKind = 'silent' | 'refused';

interface Host {
  /** The door of the running process. */
  door: SimDoor | undefined;
  cut: CutKind | undefined;
  readonly connections: Set<ClientConnection>;
  /** Attempts that wait for an answer from a silent place. */
  readonly attempts: Set<() => void>;
}

/** The ways from all clients to all members. */
export class ClientNetwork {
  readonly #time: SimTime;
  readonly #delayMs: number;
  readonly #hosts = new Map<string, Host>();

  constructor(time: SimTime, delayMs: number, addresses: readonly string[]) {
    this.#time = time;
    this.#delayMs = delayMs;
    for (const address of addresses) this.add(address);
  }

  /** There is a machine at `address` from now on. */
  add(address: string): void {
    if (this.#hosts.has(address)) return;
    this.#hosts.set(address, {
      door: undefined,
      cut: undefined,
      connections: new Set(),
      attempts: new Set(),
    });
  }

  /** Opens a connection to the member that the URL names, as a client's `dial`. */
  readonly dial: Dial = (url, handler) => {
    const host = this.#hosts.get(new URL(url).host);
    const connection = new ClientConnection(this.#time, {
      handler,
      delayMs: this.#delayMs,
      isBlocked: () => host?.cut === 'silent',
      ended: (ended) => host?.connections.delete(ended),
    });
    host?.connections.add(connection);
    this.#time.after(this.#delayMs, () => this.#connect(host, connection));
    return connection;
  };

  /** The process at `address` listens. */
  listen(address: string, door: SimDoor): void {
    const host = this.#hosts.get(address);
    if (host !== undefined) host.door = door;
  }

  /** The process at `address` takes no new connections; those it has go on. */
  close(address: string): void {
    const host = this.#hosts.get(address);
    if (host !== undefined) host.door = undefined;
  }

  /** The process at `address` is gone: its connections break, and nobody answers there. */
  unplug(address: string): void {
    const host = this.#hosts.get(address);
    if (host === undefined) return;
    host.door = undefined;
    this.#breakAll(host);
  }

  cut(address: string, kind: CutKind): void {
    const host = this.#hosts.get(address);
    if (host === undefined) return;
    host.cut = kind;
    if (kind === 'silent') return;
    this.#breakAll(host);
    this.#retry(host);
  }

  /** Lets clients through again; what waited on the way arrives. */
  restore(address: string): void {
    const host = this.#hosts.get(address);
    if (host === undefined) return;
    host.cut = undefined;
    for (const connection of [...host.connections]) connection.flush();
    this.#retry(host);
  }

  #breakAll(host: Host): void {
    for (const connection of [...host.connections]) connection.break('connection reset');
  }

  #retry(host: Host): void {
    const attempts = [...host.attempts];
    host.attempts.clear();
    for (const attempt of attempts) attempt();
  }

  #connect(host: Host | undefined, connection: ClientConnection): void {
    if (!connection.isWanted) {
      connection.end();
      return;
    }
    if (host?.cut === 'silent') {
      host.attempts.add(() => this.#connect(host, connection));
      return;
    }
    const door = host?.door;
    if (door === undefined || host?.cut === 'refused') {
      connection.break('connection refused');
      return;
    }
    door.options.clock.run(() => {
      if (connection.isWanted) door.accept(connection);
      else connection.end();
    });
  }
}
