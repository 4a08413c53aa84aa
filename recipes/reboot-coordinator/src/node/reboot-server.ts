import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Client, invalid } from '@lockstep/client';
import { coordinate } from '../coordinator.ts';
import { FleetView } from '../fleet-view.ts';
import { FleetLock } from '../fleetlock/fleet-lock.ts';
import { fleetLockHandler } from './fleetlock-handler.ts';
import { FleetLockCounts, fleetMetrics } from './metrics.ts';
import { Notifier } from './notifier.ts';

export interface RebootServerOptions {
  /** host:port, port 0 for any free one, IPv6 as `[::1]:3333`. */
  readonly listen: string;
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** How long a request of FleetLock waits for a slot. Default 10 s. */
  readonly holdMs?: number;
  /** Where FleetLock's `/v1/...` is. Default the root. */
  readonly basePath?: string;
  /** Webhooks that are told what happens. */
  readonly notify?: readonly string[];
  /** Whether it offers to grant slots too. Default true. */
  readonly coordinates?: boolean;
  /** Who this is, for `lockstep inspect election`. */
  readonly identity?: string;
  readonly tls?: RebootServerTls;
  /** Told of what went wrong and is tried again. */
  readonly onTrouble?: (message: string) => void;
}

/** Certificates as PEM. */
export interface RebootServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Whoever connects must show a certificate that this authority signed. */
  readonly clientCa?: string | Buffer;
  /** And it must name the group that is asked for as its common name or unit. */
  readonly clientCertGroups?: boolean;
}

/** A server that anybody can stop goes before one that an agent keeps on the side. */
const serverPriority = 10;
const stopMsMax = 5_000;
/** Without an answer of the store for so long, this is not healthy. */
const contactMsMax = 15_000;

/** FleetLock, `/metrics` and `/healthz` on one port, with a coordinator and webhooks behind it. */
export class RebootServer {
  /** Rejects when it can go on no longer. Settles not at all before that. */
  readonly failed: Promise<never>;
  readonly #server: Server;
  readonly #view: FleetView;
  readonly #notifier: Notifier | undefined;
  readonly #counts = new FleetLockCounts();
  readonly #stopping = new AbortController();
  readonly #over = new AbortController();
  readonly #work: Promise<unknown>;
  #stopped: Promise<void> | undefined;

  /**
   * Listens, and begins to follow the fleet, whether the store answers yet or not.
   * @throws InvalidError when an option is wrong; Error in plain words when it cannot listen.
   */
  static async start(client: Client, options: RebootServerOptions): Promise<RebootServer> {
    const address = addressIn(options.listen);
    const server = serverOf(options.tls);
    const made = new RebootServer(client, server, options);
    try {
      await listen(server, address);
    } catch (error) {
      await made.stop();
      throw error;
    }
    return made;
  }

  private constructor(client: Client, server: Server, options: RebootServerOptions) {
    const { fleet, holdMs, identity, coordinates = true, notify = [], onTrouble } = options;
    const named = fleet === undefined ? {} : { fleet };
    const who = identity === undefined ? {} : { identity };
    const told = onTrouble === undefined ? {} : { onTrouble };
    this.#server = server;
    this.#view = new FleetView(client, named);
    const fleetLock = new FleetLock(client, {
      ...named,
      ...(holdMs === undefined ? {} : { holdMs }),
      // That it asks no longer is known, since it is the one who is answered.
      whyNot: (id) => this.#view.whyNot(id)?.find(({ kind }) => kind !== 'absent'),
    });
    this.#notifier =
      notify.length === 0
        ? undefined
        : new Notifier(client, { ...named, ...who, ...told, urls: notify });
    const { basePath, tls } = options;
    const handle = fleetLockHandler(fleetLock, {
      ...told,
      ...(basePath === undefined ? {} : { basePath }),
      certificateGroups: tls?.clientCertGroups === true,
      signal: this.#stopping.signal,
      onAnswer: (answer) => this.#counts.count(answer),
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (!this.#answerOwn(request, response)) handle(request, response);
    });
    server.on('clientError', refuseSocket);
    const { signal } = this.#over;
    const all = [this.#view.run(signal), fleetLock.keepTime(signal)];
    if (coordinates) {
      const options = { ...named, ...who, ...told, signal, priority: serverPriority };
      all.push(coordinate(client, options));
    }
    if (this.#notifier !== undefined) all.push(this.#notifier.run(signal));
    this.#work = Promise.allSettled(all);
    this.failed = Promise.all(all).then(() => new Promise<never>(() => {}));
    this.failed.catch(() => {}); // Not everybody waits for it.
  }

  /** host:port that is really listened on. */
  get address(): string {
    // A server that listens on TCP has an address of this shape.
    const { address, port } = this.#server.address() as AddressInfo;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }

  /** How long ago the store last answered, in milliseconds; undefined before it first did. */
  get contactAgeMs(): number | undefined {
    return this.#view.contactAgeMs;
  }

  metrics(): string {
    return fleetMetrics({
      fleet: this.#view.fleet,
      now: this.#view.circumstances.now,
      contactAgeMs: this.#view.contactAgeMs,
      answers: this.#counts,
      notifications: this.#notifier?.counts,
    });
  }

  /** Takes no more requests, answers those that are held, gives the office up and closes. Never rejects. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#stopping.abort();
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), stopMsMax);
    await closed;
    clearTimeout(cut);
    this.#over.abort();
    await this.#work;
  }

  /** @returns false for what is not one of its own pages. */
  #answerOwn({ method = '', url = '' }: IncomingMessage, response: ServerResponse): boolean {
    const path = url.split('?')[0];
    if (path !== '/metrics' && path !== '/healthz') return false;
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/metrics') {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(this.metrics());
    } else {
      const age = this.#view.contactAgeMs;
      const isHealthy = age !== undefined && age <= contactMsMax;
      response.writeHead(isHealthy ? 200 : 503, { 'content-type': 'application/json' });
      const contactAgeSeconds = age === undefined ? null : Math.round(age / 1000);
      response.end(`${JSON.stringify({ healthy: isHealthy, contactAgeSeconds })}\n`);
    }
    return true;
  }
}

function serverOf(tls: RebootServerTls | undefined): Server {
  const options = { headersTimeout: 10_000, requestTimeout: 30_000 };
  let server: Server;
  if (tls === undefined) server = createServer(options);
  else {
    const { cert, key, clientCa, clientCertGroups = false } = tls;
    if (clientCertGroups && clientCa === undefined) {
      throw invalid('groups can be taken from client certificates only if there is a client CA');
    }
    const asks = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
    try {
      server = createSecureServer({ ...options, cert, key, ...asks });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw invalid(`the certificate, its key or the client CA cannot be used: ${why}`);
    }
  }
  server.maxConnections = 10_000;
  return server;
}

/** What never became a request gets its refusal too. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, kind, value] = isLate
    ? ['408 Request Timeout', 'body_timeout', 'no whole request came in time']
    : ['400 Bad Request', 'not_http', 'this is no HTTP/1.1 request'];
  const body = `${JSON.stringify({ kind, value })}\n`;
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** @throws InvalidError. */
function addressIn(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw invalid(
    `${JSON.stringify(text)} is no address; it should look like 127.0.0.1:3333 or [::1]:3333`,
  );
}

function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const why: Readonly<Record<string, string>> = {
        EADDRINUSE: 'another process has the port',
        EACCES: 'this user may not',
        EADDRNOTAVAIL: 'this machine has no such address',
        ENOTFOUND: 'this machine has no such address',
      };
      const reason = why[error.code ?? ''] ?? error.message;
      reject(
        new Error(`cannot listen on ${host}:${port}: ${reason}; choose another`, { cause: error }),
      );
    };
    server.once('error', refuse);
    server.listen({ host, port }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}
