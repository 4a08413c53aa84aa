import type { Server as HttpServer, ServerOptions } from 'node:http';
import { createServer, Server } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { TableError } from '@lockstep/client/protocol';
import { callerRefusal, looksLikeTls } from '../tls/handshake-failure.ts';
import { refuseSocket } from './refuse-socket.ts';

/** A certificate for the port, and what is demanded of clients; `io` reads it from files. */
export interface TlsSource {
  readonly context: SecureContextOptions;
  /** Another number whenever {@link context} is another one. */
  readonly generation: number;
  /** Whoever shows no certificate of a trusted authority is refused in the handshake. */
  readonly asksForCertificate: boolean;
  /** Why a certificate that was verified is not let in all the same. */
  refusal(socket: TLSSocket): string | undefined;
  /** Takes up what has changed; called for each connection. Never rejects. */
  refresh(): Promise<void>;
}

export interface TlsFrontOptions {
  readonly source: TlsSource;
  /** A handshake that takes longer is cut; milliseconds. */
  readonly handshakeMs: number;
  /** Handshakes under way; who comes beyond them is closed at once. A handshake costs far more than a request. */
  readonly handshakesMax: number;
  /** Hears why somebody was not let in. */
  readonly refused?: ((reason: string) => void) | undefined;
}

/**
 * Lets a port speak TLS and nothing else. What is below HTTP is done here: the handshake with its bounds, and whom a
 * certificate lets in. The server goes on with connections that were let in, as `secureConnection`.
 */
export class TlsFront {
  readonly server: Server;
  readonly #options: TlsFrontOptions;
  readonly #handshakes = new Map<string, { readonly raw: Socket; readonly cut: NodeJS.Timeout }>();
  readonly #begin: (raw: Socket) => void;
  #generation: number;

  constructor(settings: ServerOptions, options: TlsFrontOptions) {
    const { source, handshakeMs } = options;
    this.#options = options;
    this.#generation = source.generation;
    const server = createServer({
      ...settings,
      ...source.context,
      requestCert: source.asksForCertificate,
      rejectUnauthorized: source.asksForCertificate,
      handshakeTimeout: handshakeMs,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    this.server = server;
    // Node's own listener starts the handshake; it is asked when the first byte says that there will be one.
    const [begin] = server.listeners('connection');
    if (begin === undefined) throw new Error('the server takes no connections');
    server.off('connection', begin as (raw: Socket) => void);
    this.#begin = (raw) => begin.call(server, raw);
    // Of a server that listens on TCP every connection is a Socket.
    server.on('connection', (raw) => this.#take(raw as Socket));
    // Node's would have an answer of HTTP written into a handshake that failed.
    server.removeAllListeners('tlsClientError');
    server.on('tlsClientError', (error, socket) => {
      const reason = callerRefusal(error, socket);
      if (reason !== undefined) this.#refused(socket.remoteAddress, reason);
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
  }

  /** Cuts handshakes that are under way: nobody will serve who comes through. */
  cut(): void {
    for (const { raw } of this.#handshakes.values()) raw.destroy();
  }

  #take(raw: Socket): void {
    raw.on('error', () => raw.destroy());
    const caller = callerOf(raw);
    if (caller === undefined || this.#handshakes.size >= this.#options.handshakesMax) {
      raw.destroy();
      return;
    }
    const cut = setTimeout(() => raw.destroy(), this.#options.handshakeMs);
    this.#handshakes.set(caller, { raw, cut });
    raw.once('close', () => this.#forget(caller, raw));
    const ended = (): void => {
      raw.destroy();
    };
    raw.once('end', ended);
    raw.once('readable', () => {
      const first = raw.read() as Buffer | null;
      if (first === null) return;
      raw.off('end', ended);
      raw.unshift(first);
      if (!looksLikeTls(first)) this.#turnAway(raw, first);
      else this.#handshake(raw).catch(() => raw.destroy());
    });
  }

  async #handshake(raw: Socket): Promise<void> {
    const { source } = this.#options;
    await source.refresh();
    if (raw.destroyed) return;
    if (source.generation !== this.#generation) {
      this.#generation = source.generation;
      this.server.setSecureContext(source.context);
    }
    this.#begin(raw);
  }

  #secured(socket: TLSSocket): void {
    const caller = callerOf(socket);
    if (caller !== undefined) this.#forget(caller);
    const reason = this.#options.source.refusal(socket);
    if (reason === undefined) return;
    this.#refused(socket.remoteAddress, reason);
    socket.destroy();
  }

  /** Something that is not TLS. Whoever speaks HTTP can read why; so can etcd's clients, which print it. */
  #turnAway(raw: Socket, first: Buffer): void {
    this.#refused(raw.remoteAddress, 'it does not speak TLS');
    if (!/^[A-Z]/.test(first.toString('latin1'))) raw.destroy();
    else {
      const sentence = 'this port speaks TLS: write https:// (or wss://) instead of http://';
      refuseSocket(raw, new TableError('invalid_request', sentence));
    }
  }

  /** With `raw`, only if it is still that connection's. */
  #forget(caller: string, raw?: Socket): void {
    const handshake = this.#handshakes.get(caller);
    if (handshake === undefined || (raw !== undefined && handshake.raw !== raw)) return;
    clearTimeout(handshake.cut);
    this.#handshakes.delete(caller);
  }

  #refused(address: string | undefined, reason: string): void {
    // Of a connection that is gone already, Node does not know it any more.
    const from = address === undefined ? '' : ` from ${address}`;
    this.#options.refused?.(`refused a client${from}: ${reason}`);
  }
}

/** When a connection is there to be spoken on. */
export function readyEvent(server: HttpServer): 'connection' {
  // The types of Node know no server that may be either; both events come with a socket.
  return (server instanceof Server ? 'secureConnection' : 'connection') as 'connection';
}

/** The same for a connection and for the TLS on it, of which Node does not tell that they belong together. */
function callerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
