import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { limits, TableError } from '@lockstep/client/protocol';
import type { DoorReadings, ProcessReadings } from '../metrics/readings.ts';
import { type Caller, proofsOfHeader, type Service } from '../service/service.ts';
import { type ConsoleFile, consolePage } from './console/page.ts';
import { EarlyCallers } from './early-callers.ts';
import { EtcdDoor } from './etcd/door.ts';
import { EtcdGateway } from './etcd/gateway/gateway.ts';
import { CallCounts } from './etcd/grpc/call-counts.ts';
import { etcdMethods } from './etcd/services.ts';
import { apiVersion, clusterVersion } from './etcd/version.ts';
import { HttpDoor } from './http/door.ts';
import { metricsPage } from './metrics/page.ts';
import { OriginGuard } from './origin.ts';
import { plainRequest } from './plain-request.ts';
import { ProtocolSwitch } from './protocol-switch.ts';
import { refuseSocket } from './refuse-socket.ts';
import { SilentSockets } from './silent-sockets.ts';
import { SocketQueue } from './socket-queue.ts';
import { TlsFront, type TlsFrontOptions } from './tls-front.ts';
import { WebSocketDoor } from './ws/socket.ts';

export interface DoorsOptions {
  readonly service: Service;
  /** host:port to listen on, port 0 for any free one, IPv6 as `[::1]:2379`; or what {@link openPort} gave. */
  readonly listen: string | ClientPort;
  /** Of a port that is opened here: it speaks TLS and nothing else. */
  readonly tls?: PortTls | undefined;
  /** host:port that clients are told; requests may name it as their Host. */
  readonly advertise?: string | undefined;
  /** Origins of web pages, or hosts, that may use this member besides its own; `*` for any. */
  readonly allowOrigins?: readonly string[] | undefined;
  /** What members speak with each other, as etcd's clients are told: `https` is TLS. Default http. */
  readonly peerScheme?: 'http' | 'https' | undefined;
  readonly limits?: Partial<DoorLimits> | undefined;
  /** What the process takes of the machine, for `/metrics`. */
  readonly process?: (() => ProcessReadings) | undefined;
  /** The common name of the verified certificate that a request came with; absent where there are none. */
  readonly commonNameOf?: ((socket: Duplex) => string | undefined) | undefined;
  /** The files of the console page; absent if they were not built. */
  readonly console?: readonly ConsoleFile[] | undefined;
}

/** What the doors allow a connection. Durations are milliseconds. */
export interface DoorLimits {
  /** Between heartbeats of the member. */
  readonly heartbeatMs: number;
  /** A WebSocket client that was not heard for this long, pongs included, is let go. */
  readonly silenceMs: number;
  /** A new connection must have sent its first request within this time; one that was never used is closed without a word. */
  readonly firstRequestMs: number;
  /** A whole request, body included. */
  readonly requestMs: number;
  /** A client that takes nothing of what waits for it for this long is cut. */
  readonly stallMs: number;
  /** A connection over HTTP/2 from which nothing came for this long is asked for a sign of life, and cut after as long again. */
  readonly quietMs: number;
  /** How long {@link Doors.stop} waits for answers that are due. */
  readonly stopMs: number;
  /** Open sockets; further ones are closed at once. */
  readonly connectionsMax: number;
  /** Of a port that speaks TLS: handshakes under way, each of which may take as long as a first request. */
  readonly handshakesMax: number;
}

export const doorLimits: DoorLimits = {
  heartbeatMs: limits.heartbeatMs,
  silenceMs: limits.silenceMsMax,
  firstRequestMs: 5_000,
  requestMs: 60_000,
  stallMs: limits.stallMsMax,
  quietMs: 20_000,
  stopMs: 5_000,
  connectionsMax: 20_000,
  handshakesMax: 1_000,
};

export interface Doors {
  /** host:port that is really listened on. */
  readonly address: string;
  readonly port: number;
  /** What is open and waiting at this moment. */
  counts(): DoorReadings;
  /**
   * Takes no new connections, ends watches with `server_stopped`, answers what is under way,
   * closes; what is still open after `stopMs` is cut. Never rejects; a second call waits too.
   */
  stop(): Promise<void>;
}

/** A port that is bound and has no doors behind it yet. */
export interface ClientPort {
  /** host:port that is really listened on. */
  readonly address: string;
  readonly port: number;
  readonly server: Server;
  /** Who came before the doors. */
  readonly early: EarlyCallers;
  /** Who speaks HTTP/2 goes there. */
  readonly http2: SocketQueue;
  /** Before the port, if it speaks TLS. */
  readonly tls: TlsFront | undefined;
  /** Listens no more; for a port that never got its doors. Never rejects. */
  close(): Promise<void>;
}

/** How often silence and stalls are counted, at least. */
const sweepMsMax = 500;

/** What of a port's TLS is its own; the bounds are the doors'. */
export type PortTls = Pick<TlsFrontOptions, 'source' | 'refused'>;

/**
 * Binds the client port. Whoever connects waits for {@link startDoors}. With `tls` it speaks nothing else.
 * @throws Error in plain words when the address is malformed, taken or not this machine's.
 */
export async function openPort(
  address: string,
  allowed: DoorLimits = doorLimits,
  tls?: PortTls,
): Promise<ClientPort> {
  const { host, port } = parseAddress(address);
  const settings = {
    headersTimeout: allowed.firstRequestMs,
    requestTimeout: allowed.requestMs,
    connectionsCheckingInterval: sweepMsOf(allowed),
    noDelay: true,
  };
  const { firstRequestMs: handshakeMs, handshakesMax } = allowed;
  const front = tls && new TlsFront(settings, { ...tls, handshakeMs, handshakesMax });
  const server = front?.server ?? createServer(settings);
  server.maxConnections = allowed.connectionsMax;
  server.timeout = allowed.stallMs;
  const http2 = new SocketQueue();
  const early = new EarlyCallers(server);
  new ProtocolSwitch(server, {
    firstBytesMs: allowed.firstRequestMs,
    http2: (socket) => http2.add(socket),
  });
  const bound = await listen(server, host, port);
  return {
    address: bound.text,
    port: bound.port,
    server,
    early,
    http2,
    tls: front,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        early.turnAway();
        front?.cut();
      }),
  };
}

function sweepMsOf(allowed: DoorLimits): number {
  return Math.max(1, Math.min(sweepMsMax, allowed.heartbeatMs / 4));
}

/**
 * Opens the client port: HTTP, and WebSocket by upgrade.
 * @throws Error in plain words when the address is malformed, taken or not this machine's.
 */
export async function startDoors(options: DoorsOptions): Promise<Doors> {
  const allowed = { ...doorLimits, ...options.limits };
  const port =
    typeof options.listen === 'string'
      ? await openPort(options.listen, allowed, options.tls)
      : options.listen;
  const { server } = port;
  const sweepMs = sweepMsOf(allowed);
  const { service, commonNameOf } = options;
  const webSockets = new WebSocketDoor({
    service,
    heartbeatSweeps: Math.ceil(allowed.heartbeatMs / sweepMs),
    silenceSweeps: Math.ceil(allowed.silenceMs / sweepMs),
    stallSweeps: Math.ceil(allowed.stallMs / sweepMs),
  });
  const etcdApi = {
    methods: etcdMethods(service, {
      clientScheme: port.tls === undefined ? 'http' : 'https',
      peerScheme: options.peerScheme ?? 'http',
    }),
    counts: new CallCounts(),
  };
  const gateway = new EtcdGateway({
    ...{ service, ...etcdApi },
    ...{ stallMs: allowed.stallMs, silenceMs: allowed.quietMs },
  });
  const counts = (): DoorReadings => ({
    webSockets: webSockets.connections,
    unsentBytes: webSockets.unsentBytes + etcd.unsentBytes,
  });
  const http = new HttpDoor({
    service,
    commonNameOf,
    metrics: () =>
      metricsPage(
        {
          ...service.readings(),
          ...{ doors: counts(), grpc: etcdApi.counts.readings() },
        },
        options.process?.(),
      ),
    console: consolePage(options.console),
    etcd: { etcdserver: apiVersion, etcdcluster: clusterVersion },
  });
  const guard = new OriginGuard({
    listen: port.address,
    advertise: options.advertise,
    allowOrigins: options.allowOrigins ?? [],
  });
  const silent = new SilentSockets(server);
  const doors = { http, gateway, webSockets };
  const request = connect(server, { ...doors, guard, service, commonNameOf });
  const etcd = new EtcdDoor({
    ...{ service, commonNameOf, ...etcdApi },
    silenceMs: allowed.quietMs,
    stallMs: allowed.stallMs,
    other: (stream, headers) => request(...plainRequest(stream, headers)),
  });
  port.http2.open((socket) => {
    silent.spoke(socket);
    etcd.accept(socket);
  });
  port.early.letIn();
  const heartbeats = setInterval(() => http.heartbeat(), allowed.heartbeatMs);
  const sweeps = setInterval(() => {
    webSockets.sweep();
    gateway.sweep();
    etcd.sweep();
  }, sweepMs);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    silent.destroy();
    port.tls?.cut();
    await stopDoors(server, { ...doors, etcd }, allowed.stopMs);
    clearInterval(heartbeats);
    clearInterval(sweeps);
  };
  return {
    address: port.address,
    port: port.port,
    counts,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

interface Wiring {
  readonly guard: OriginGuard;
  readonly http: HttpDoor;
  readonly gateway: EtcdGateway;
  readonly webSockets: WebSocketDoor;
  readonly service: Service;
  readonly commonNameOf: DoorsOptions['commonNameOf'];
}

/** @returns what takes a plain request, wherever it came from. */
function connect(
  server: Server,
  wiring: Wiring,
): (incoming: IncomingMessage, response: ServerResponse) => void {
  const { guard, http, gateway, webSockets, service, commonNameOf } = wiring;
  const request = (incoming: IncomingMessage, response: ServerResponse) => {
    const door = gateway.serves(incoming.url) ? gateway : http;
    try {
      const foreign = guard.check(incoming);
      if (foreign !== undefined && answerCors(incoming, response, foreign)) return;
    } catch (error) {
      door.refuse(response, error);
      return;
    }
    door.handle(incoming, response);
  };
  server.on('request', request);
  // A client that asks before it sends a large body gets the refusal instead of the go-ahead.
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    const announced = Number(incoming.headers['content-length'] ?? 0);
    if (announced <= limits.frameBytesMax) response.writeContinue();
    request(incoming, response);
  });
  // Else Node would answer by itself, with a status that is not of the table.
  server.on('checkExpectation', (incoming: IncomingMessage, response: ServerResponse) => {
    const expected = JSON.stringify(incoming.headers.expect);
    const sentence = `Expect may be 100-continue, or left out; got ${expected}`;
    http.refuse(response, new TableError('invalid_request', sentence));
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refuse = (error: unknown) => refuseSocket(socket, service.failure(error));
    const upgrade = (caller: Caller) => webSockets.upgrade(incoming, socket, head, caller);
    try {
      guard.check(incoming);
      if (gateway.serves(incoming.url)) return gateway.upgrade(incoming, socket, head);
      const proofs = proofsOfHeader(incoming.headers.authorization);
      const caller = service.callers.of({ ...proofs, commonName: commonNameOf?.(socket) });
      if (!(caller instanceof Promise)) return upgrade(caller);
      // While a password is checked nobody else listens to what happens to the socket.
      socket.on('error', () => socket.destroy());
      caller.then(upgrade).catch(refuse);
    } catch (error) {
      refuse(error);
    }
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // A browser opens connections before it needs them. An answer on one that asked nothing would be taken for that
    // of the request it sends at that moment; one that is closed, it repeats elsewhere.
    if (isUnused(error, socket)) socket.end(() => socket.destroy());
    else refuseSocket(socket, malformed(error));
  });
  return request;
}

/** Tells the browser that the page may read the answer; true when that was all it asked. */
function answerCors(request: IncomingMessage, response: ServerResponse, origin: string): boolean {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'origin');
  response.setHeader('access-control-expose-headers', '*');
  if (request.method !== 'OPTIONS') return false;
  response.setHeader('access-control-allow-methods', 'GET, HEAD, PUT, POST, DELETE');
  response.setHeader('access-control-allow-headers', 'content-type, last-event-id, authorization');
  response.writeHead(204).end();
  return true;
}

/** Of a server that listens on TCP every client is a Socket. */
function isUnused(error: NodeJS.ErrnoException, socket: Duplex): boolean {
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && (socket as Socket).bytesRead === 0;
}

function malformed(error: NodeJS.ErrnoException): TableError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TableError('invalid_request', 'no complete request came in time');
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new TableError(
      'request_too_large',
      'the path and headers are too long; POST /v1/kv.put takes long keys in its body',
    );
  }
  return new TableError('invalid_request', 'this is not an HTTP/1.1 request');
}

interface OpenDoors {
  readonly http: HttpDoor;
  readonly gateway: EtcdGateway;
  readonly webSockets: WebSocketDoor;
  readonly etcd: EtcdDoor;
}

async function stopDoors(
  server: Server,
  { http, gateway, webSockets, etcd }: OpenDoors,
  stopMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  http.stop();
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    webSockets.terminate();
    gateway.terminate();
    etcd.terminate();
    server.closeAllConnections();
  }, stopMs);
  await Promise.all([webSockets.stop(), gateway.stop(), etcd.stop(), closed]);
  clearTimeout(cut);
}

/** "host:port" taken apart; the host of `[::1]:2379` comes without brackets. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) {
    throw new Error(
      `${JSON.stringify(address)} is no address; it should look like 127.0.0.1:2379 or [::1]:2379`,
    );
  }
  return { host, port };
}

function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ text: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(listenFailure(error, formatAddress(host, port)), { cause: error }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // A server that listens on TCP has an address of this shape.
      const bound = server.address() as AddressInfo;
      resolve({ text: formatAddress(host, bound.port), port: bound.port });
    });
  });
}

function listenFailure(error: NodeJS.ErrnoException, address: string): string {
  const other = 'choose another with --listen';
  switch (error.code) {
    case 'EADDRINUSE':
      return `${address} is in use: another process listens there, perhaps another member; stop it or ${other}`;
    case 'EACCES':
      return `this user may not listen on ${address}; ${other}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${address} is not an address of this machine; ${other}`;
    default:
      return `cannot listen on ${address}: ${error.message}; ${other}`;
  }
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
