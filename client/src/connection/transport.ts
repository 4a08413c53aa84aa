import { defaultClientPort, webSocketPath } from '@lockstep/client/protocol';
import { invalid } from '../errors.ts';

/** What a transport tells its owner. After `closed`, which comes exactly once, it is silent. */
export interface TransportHandler {
  opened(): void;
  frame(text: string): void;
  /** Something other than a frame arrived (a ping): the other side is alive. */
  alive(): void;
  /** The connection is gone or never came to be. */
  closed(end: TransportEnd): void;
}

export interface TransportEnd {
  /** A sentence part without the address. */
  readonly reason: string;
  /** The member stopped in order: what it left without an answer was not run (PROTOCOL [W-13]). */
  readonly inOrder: boolean;
}

const goingAway = 1001;

/** The end of a connection that was closed with a code (RFC 6455, 7.4.1). */
export function closedWith(code: number, reason: string): TransportEnd {
  const said = reason === '' ? `code ${code}` : `${code}: ${reason}`;
  return { reason: `the connection was closed (${said})`, inOrder: code === goingAway };
}

/** The end of a connection that broke. */
export function broken(reason: string): TransportEnd {
  return { reason, inOrder: false };
}

/** One message-oriented connection attempt, and the connection if it succeeds. */
export interface Transport {
  /** Sends frames, in one system call where the platform can. */
  send(frames: readonly string[]): void;
  /** Gives up at once; the handler hears nothing more. */
  close(): void;
}

export type Dial = (url: string, handler: TransportHandler, tls?: ClientTls) => Transport;

/** What a client needs for TLS beyond what the platform knows; on Node only. Everything is PEM. */
export interface ClientTls {
  /** Authorities whose certificates members may show. Default: those of the platform. */
  readonly ca?: string | Uint8Array;
  /** The certificate to show, with those between it and the authority behind it. */
  readonly cert?: string | Uint8Array;
  /** Its private key. */
  readonly key?: string | Uint8Array;
  /** The name that members' certificates must be for, instead of the endpoint's own. */
  readonly serverName?: string;
}

/**
 * The WebSocket URL of an endpoint given as `host:port`, `host`, or a ws, wss, http or https URL.
 * @param isTls what an endpoint without a scheme is dialed with; one with a scheme must fit it.
 * @throws LockstepError `invalid_params`, saying what would be right.
 */
export function endpointUrl(endpoint: string, isTls = false): string {
  const example = `write host:port, for example 127.0.0.1:${defaultClientPort}`;
  const withScheme = endpoint.includes('://') ? endpoint : `${isTls ? 'wss' : 'ws'}://${endpoint}`;
  let url: URL;
  try {
    url = new URL(withScheme.replace(/^http/, 'ws'));
  } catch {
    throw invalid(`the endpoint "${endpoint}" is no address: ${example}`);
  }
  if (!/^wss?:$/.test(url.protocol) || url.hostname === '' || /\s/.test(endpoint)) {
    throw invalid(`the endpoint "${endpoint}" is no address: ${example}`);
  }
  if (isTls && url.protocol === 'ws:') {
    const right = endpoint.replace(/^(http|ws):/, '$1s:');
    throw invalid(`the endpoint "${endpoint}" is plaintext, and TLS is asked for: write ${right}`);
  }
  if (url.port === '' && !endpoint.includes('://')) url.port = String(defaultClientPort);
  if (url.pathname === '/' || url.pathname === '') url.pathname = webSocketPath;
  return url.href;
}
