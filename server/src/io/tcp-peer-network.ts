import net from 'node:net';
import tls from 'node:tls';
import type { PeerLink, PeerLinkHandler, PeerNetwork } from '../ports.ts';
import { callerRefusal } from '../tls/handshake-failure.ts';
import { TcpPeerLink } from './tcp-peer-link.ts';
import type { TlsIdentity } from './tls-identity.ts';

export interface TcpPeerNetworkOptions {
  /** Links that others may have open to this member at a time; more are closed at once. Default 128. */
  readonly incomingMax?: number;
  /** An attempt to connect, and a caller that sends no frame, is given up after so long. Default 5,000. */
  readonly silenceMsMax?: number;
  /** A longer frame closes its link. Default 64 MiB; a caller's first frame may have 64 KiB at most. */
  readonly frameBytesMax?: number;
  /** With it members speak TLS, and each side verifies the other; it must name an authority. Default plaintext. */
  readonly tls?: TlsIdentity | undefined;
  /** Hears why a caller was not let in, as far as TLS tells. */
  readonly refused?: ((sentence: string) => void) | undefined;
}

export const peerNetworkDefaults = {
  incomingMax: 128,
  silenceMsMax: 5_000,
  frameBytesMax: 64 * 1024 * 1024,
} as const;

type Settings = TcpPeerNetworkOptions & Required<Omit<TcpPeerNetworkOptions, 'tls' | 'refused'>>;

/** Links between members over TCP. */
export class TcpPeerNetwork implements PeerNetwork {
  readonly #options: Settings;
  readonly #links = new Set<TcpPeerLink>();
  /** Accepted, and perhaps still in their handshake. */
  readonly #callers = new Set<net.Socket>();
  #server: net.Server | undefined;
  #incoming = 0;
  #onLink: ((link: PeerLink) => PeerLinkHandler) | undefined;
  #closed = false;

  constructor(options: TcpPeerNetworkOptions = {}) {
    this.#options = { ...peerNetworkDefaults, ...options };
  }

  /**
   * Opens the port; links are turned away until {@link accept} is called.
   * @returns the bound port. @throws Error from the system, for example EADDRINUSE.
   */
  listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const server = this.#createServer();
    server.on('connection', (socket: net.Socket) => {
      this.#callers.add(socket);
      socket.once('close', () => this.#callers.delete(socket));
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.removeListener('error', reject);
        server.on('error', () => {}); // A failed accept costs one link, which its caller dials again.
        const bound = server.address();
        const known = bound !== null && typeof bound === 'object' ? bound : { address: host, port };
        resolve({ host: known.address, port: known.port });
      });
    });
  }

  dial(address: string, handler: PeerLinkHandler): PeerLink {
    const target = parseAddress(address);
    const identity = this.#options.tls;
    const isDialed = target !== undefined && !this.#closed;
    const socket = isDialed && identity ? dialTls(target, identity) : new net.Socket();
    const link = this.#link(socket, address, 'dialed');
    link.start(handler);
    if (this.#closed) link.fail('this member is closing');
    else if (target === undefined) link.fail(`"${address}" is not of the form host:port`);
    else if (identity === undefined) socket.connect(target);
    return link;
  }

  accept(onLink: (link: PeerLink) => PeerLinkHandler): void {
    this.#onLink = onLink;
  }

  /** Closes the port and every link; no handler is called any more. */
  close(): Promise<void> {
    this.#closed = true;
    for (const link of this.#links) link.close();
    for (const socket of this.#callers) socket.destroy();
    const server = this.#server;
    if (server === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
    });
  }

  #createServer(): net.Server {
    const { tls: identity, incomingMax, silenceMsMax } = this.#options;
    if (identity === undefined) {
      return net.createServer({ noDelay: true }, (socket) => this.#take(socket));
    }
    const server = tls.createServer(
      {
        ...identity.context,
        ...{ noDelay: true, handshakeTimeout: silenceMsMax },
        ...{ requestCert: true, rejectUnauthorized: true },
      },
      (socket) => {
        const reason = identity.refusal(socket);
        if (reason === undefined) return this.#take(socket);
        this.#refused(socket, reason);
        socket.destroy();
      },
    );
    // Twice the links: those that are open, and as many that are in their handshake.
    server.maxConnections = 2 * incomingMax;
    let { generation } = identity;
    server.on('connection', () => {
      // For the next caller: this one's handshake goes on, and members dial again.
      identity.refresh().then(() => {
        if (identity.generation === generation) return;
        generation = identity.generation;
        server.setSecureContext(identity.context);
      }, identityFailed);
    });
    server.on('tlsClientError', (error, socket) => {
      const reason = callerRefusal(error, socket);
      if (reason !== undefined) this.#refused(socket, reason);
    });
    return server;
  }

  #refused({ remoteAddress }: net.Socket, reason: string): void {
    // Of a connection that is gone already, Node does not know it any more.
    const from = remoteAddress === undefined ? '' : ` from ${remoteAddress}`;
    this.#options.refused?.(`refused a member${from}: ${reason}`);
  }

  #take(socket: net.Socket): void {
    if (this.#closed || this.#onLink === undefined || this.#incoming >= this.#options.incomingMax) {
      socket.destroy();
      return;
    }
    this.#incoming++;
    socket.once('close', () => {
      this.#incoming--;
    });
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    const link = this.#link(socket, address, 'accepted');
    link.start(this.#onLink(link));
  }

  #link(socket: net.Socket, address: string, side: 'dialed' | 'accepted'): TcpPeerLink {
    const link = new TcpPeerLink(socket, { ...this.#options, address, side });
    this.#links.add(link);
    socket.once('close', () => {
      this.#links.delete(link);
    });
    return link;
  }
}

/** With the certificate as it was at the last call; a newer one is there at the next, and links are dialed again. */
function dialTls(target: { host: string; port: number }, identity: TlsIdentity): tls.TLSSocket {
  identity.refresh().catch(identityFailed);
  const socket: tls.TLSSocket = tls.connect({
    ...identity.context,
    ...target,
    // Who is dialed is verified by the address of its member, as every server is.
    ...(net.isIP(target.host) === 0 ? { servername: target.host } : {}),
    rejectUnauthorized: true,
  });
  // The first to hear of it, so that nothing is said to somebody who has the wrong name.
  socket.prependListener('secureConnect', () => {
    const reason = identity.refusal(socket);
    if (reason !== undefined) socket.destroy(new Error(reason));
  });
  return socket;
}

/** A refresh says what went wrong by itself, and does not reject. */
function identityFailed(): void {}

function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
