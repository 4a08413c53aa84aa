import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';

/** A request that came over HTTP/2, in the shape of one that came over HTTP/1.1. */
export function plainRequest(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): [IncomingMessage, ServerResponse] {
  // HTTP/2 names the host in a field of its own (RFC 9113, 8.3.1), which wins over one that says otherwise.
  const host = headers[':authority'] ?? headers.host;
  const named = host === undefined ? headers : { ...headers, host };
  // Node promises that they can stand in for each other (node:http2, compatibility API); its types are not related.
  return [
    new Http2ServerRequest(stream, named, {}, []) as unknown as IncomingMessage,
    new Http2ServerResponse(stream) as unknown as ServerResponse,
  ];
}
