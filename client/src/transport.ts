import { defaultClientPort, webSocketPath } from '@lockstep/client/protocol';
import { LockstepError } from './errors.ts';

/** What a transport tells its owner. After `closed`, which comes exactly once, it is silent. */
export interface TransportHandler {
  opened(): void;
  frame(text: string): void;
  /** Something other than a frame arrived (a ping): the other side is alive. */
  alive(): void;
  /** The connection is gone or never came to be; `reason` is a sentence part without the address. */
  closed(reason: string): void;
}

/** One message-oriented connection attempt, and the connection if it succeeds. */
export interface Transport {
  /** Sends frames, in one system call where the platform can. */
  send(frames: readonly string[]): void;
  /** Gives up at once; the handler hears nothing more. */
  close(): void;
}

export type Dial = (url: string, handler: TransportHandler) => Transport;

export function closeReason(code: number, reason: string): string {
  return `the connection was closed (${reason === '' ? `code ${code}` : `${code}: ${reason}`})`;
}

/**
 * The WebSocket URL of an endpoint given as `host:port`, `host`, or a ws, wss, http or https URL.
 * @throws LockstepError `invalid_params`, saying what would be right.
 */
export function endpointUrl(endpoint: string): string {
  const example = `write host:port, for example 127.0.0.1:${defaultClientPort}`;
  const withScheme = endpoint.includes('://') ? endpoint : `ws://${endpoint}`;
  let url: URL;
  try {
    url = new URL(withScheme.replace(/^http/, 'ws'));
  } catch {
    throw new LockstepError(
      'invalid_params',
      `the endpoint "${endpoint}" is no address: ${example}`,
    );
  }
  if (!/^wss?:$/.test(url.protocol) || url.hostname === '' || /\s/.test(endpoint)) {
    throw new LockstepError(
      'invalid_params',
      `the endpoint "${endpoint}" is no address: ${example}`,
    );
  }
  if (url.port === '' && !endpoint.includes('://')) url.port = String(defaultClientPort);
  if (url.pathname === '/' || url.pathname === '') url.pathname = webSocketPath;
  return url.href;
}
