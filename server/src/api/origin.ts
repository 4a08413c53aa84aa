import type { IncomingMessage } from 'node:http';
import { defaultClientPort, TableError } from '@lockstep/client/protocol';

export interface OwnAddresses {
  /** host:port of the door. */
  readonly listen: string;
  /** host:port that clients are told. */
  readonly advertise: string | undefined;
  /** Further origins (`https://app.example`), hosts (`app.example:8443`), or `*` for any. */
  readonly allowOrigins: readonly string[];
}

const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Keeps web pages of other sites away (PROTOCOL [W-53]). A page can make a browser send requests
 * here, also through a name of its own that it lets point to this address (DNS rebinding); but it
 * can forge neither Host nor Origin. Programs send no Origin and the Host they dialed.
 */
export class OriginGuard {
  readonly #own: ReadonlySet<string>;
  readonly #allowedOrigins: ReadonlySet<string>;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #allowsAny: boolean;

  constructor(addresses: OwnAddresses) {
    const own = [addresses.listen, addresses.advertise].filter((host) => host !== undefined);
    this.#own = new Set(own.map((host) => host.toLowerCase()));
    const allowed = addresses.allowOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, ''));
    this.#allowsAny = allowed.includes('*');
    this.#allowedOrigins = new Set(allowed);
    this.#allowedHosts = new Set(allowed.map(hostOfOrigin));
  }

  /**
   * The foreign origin that is allowed and so must be told (CORS), or undefined for our own.
   * @throws TableError `forbidden_origin`.
   */
  check(request: IncomingMessage): string | undefined {
    const host = hostOf(request).toLowerCase();
    const local = localAddress(request);
    const { origin } = request.headers;
    if (!this.#isHostAllowed(host, local)) {
      throw new TableError(
        'forbidden_origin',
        `the Host ${JSON.stringify(host)} is not this member's; allow it with --allow-origin, or advertise it`,
      );
    }
    if (origin === undefined) return undefined;
    const page = origin.toLowerCase();
    const pageHost = hostOfOrigin(page);
    if (page !== pageHost && (pageHost === host || this.#isOwn(pageHost, local))) return undefined;
    if (this.#allowsAny || this.#allowedOrigins.has(page) || this.#allowedOrigins.has(pageHost)) {
      return origin;
    }
    throw new TableError(
      'forbidden_origin',
      `pages of ${JSON.stringify(origin)} may not use this member; allow them with --allow-origin`,
    );
  }

  #isHostAllowed(host: string, local: string): boolean {
    return (
      this.#allowsAny ||
      loopback.test(host) ||
      this.#isOwn(host, local) ||
      this.#allowedHosts.has(host)
    );
  }

  /** The addresses we are known by, the one this connection came in on, and loopback at our port. */
  #isOwn(host: string, local: string): boolean {
    if (this.#own.has(host) || host === local) return true;
    const port = local.slice(local.lastIndexOf(':'));
    return loopback.test(host) && host.endsWith(port);
  }
}

/** HTTP/2 has a field of its own for it. */
function hostOf({ headers }: IncomingMessage): string {
  const authority = headers[':authority'];
  return typeof authority === 'string' ? authority : (headers.host ?? '');
}

function localAddress(request: IncomingMessage): string {
  const { localAddress: address = '', localPort = defaultClientPort } = request.socket;
  const plain = address.replace(/^::ffff:/, '');
  return plain.includes(':') ? `[${plain}]:${localPort}` : `${plain}:${localPort}`;
}

function hostOfOrigin(origin: string): string {
  return origin.replace(/^https?:\/\//, '');
}
