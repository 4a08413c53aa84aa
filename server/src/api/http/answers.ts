import type { ServerResponse } from 'node:http';
import { methodNames, type TableError } from '@lockstep/client/protocol';

/** JSON, with a newline at its end for people at terminals. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, 'application/json', `${JSON.stringify(value)}\n`);
}

/** PROTOCOL [W-40]: `{"error": ...}` with the status of the error's row. */
export function sendError(response: ServerResponse, error: TableError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.kind.retryable) response.setHeader('retry-after', '1');
  // Not Basic, for which browsers would open a window of their own.
  if (error.kind.http === 401) response.setHeader('www-authenticate', 'Bearer realm="lockstep"');
  sendJson(response, error.kind.http, { error: error.toWire() });
}

export function sendText(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    // A value is whatever somebody stored; a browser must not take it for a page or a script.
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(body);
}

/** An answer that another door has put together, headers and all. */
export interface FixedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for an answer that has none, as 304. */
  readonly body?: Uint8Array | undefined;
}

export function sendFixed(response: ServerResponse, { status, headers, body }: FixedAnswer): void {
  const length = body === undefined ? {} : { 'content-length': body.byteLength };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}

/** What there is, for whoever came to a path that is not. */
export const pathsHint = `there is / (the console page), /v1/kv/<key>, /v1/watch, /v1/snapshot, /v1/ws, /health, /livez, /readyz, /metrics, /version, /v3/<etcd's gateway>, and POST /v1/<method> for ${methodNames.join(', ')}`;
