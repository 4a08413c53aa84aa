import net from 'node:net';
import type { PeerLink, PeerLinkHandler, PeerNetwork } from '../ports.ts';
import { TcpPeerLink } from './tcp-peer-link.ts';

export interface TcpPeerNetworkOptions {
  /** Links that others may have open to this member at a time; more are closed at once. Default 128. */
  readonly incomingMax?: number;
  /** An attempt to connect, and a caller that sends no frame, is given up after so long. Default 5,000. */
  readonly silenceMsMax?: number;
  /** A longer frame closes its link. Default 64 MiB; a caller's first frame may have 64 KiB at most. */
  readonly frameBytesMax?: number;
}

export const peerNetworkDefaults = {
  incomingMax: 128,
  silenceMsMax: 5_000,
  frameBytesMax: 64 * 1024 * 1024,
} as const;

/** Links between members over TCP. */
export class TcpPeerNetwork implements PeerNetwork {
  readonly #options: Required<TcpPeerNetworkOptions>;
  readonly #links = new Set<TcpPeerLink>();
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
    const server = net.createServer({ noDelay: true }, (socket) => this.#take(socket));
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
    const socket = new net.Socket();
    const link = this.#link(socket, address, 'dialed');
    link.start(handler);
    if (this.#closed) link.fail('this member is closing');
    else if (target === undefined) link.fail(`"${address}" is not of the form host:port`);
    else socket.connect(target);
    return link;
  }

  accept(onLink: (link: PeerLink) => PeerLinkHandler): void {
    this.#onLink = onLink;
  }

  /** Closes the port and every link; no handler is called any more. */
  close(): Promise<void> {
    this.#closed = true;
    for (const link of this.#links) link.close();
    const server = this.#server;
    if (server === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
    });
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

function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
