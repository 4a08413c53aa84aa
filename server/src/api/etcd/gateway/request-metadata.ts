import type { IncomingHttpHeaders } from 'node:http';

/** What a call's metadata are made of: the headers of its request. */
export type MetadataReader = (name: string) => string | undefined;

const prefix = 'grpc-metadata-';

/**
 * Headers as metadata of gRPC: `Grpc-Metadata-X` is `x`, and the token of `Authorization` is both `authorization`, as it came, and
 * `token`, without the word Bearer.
 * @param authorization stands for the header where a client cannot set it.
 */
export function metadataOf(
  headers: IncomingHttpHeaders,
  authorization: string | undefined = headers.authorization,
): MetadataReader {
  return (name) => {
    const value = headers[prefix + name];
    if (value !== undefined) return Array.isArray(value) ? value[0] : value;
    switch (name) {
      case 'authorization':
        return authorization;
      case 'token':
        return authorization?.replace(/^Bearer +/i, '');
      case 'grpc-timeout': {
        const timeout = headers['grpc-timeout'];
        return Array.isArray(timeout) ? timeout[0] : timeout;
      }
      default:
        return undefined;
    }
  };
}

/** The token that a page gives as a subprotocol, `Bearer, TOKEN`, since it can set no header on a WebSocket. */
export function subprotocolToken(headers: IncomingHttpHeaders): string | undefined {
  const match = /^\s*Bearer\s*,\s*(\S+)\s*$/.exec(headers['sec-websocket-protocol'] ?? '');
  return match?.[1] === undefined ? undefined : `Bearer ${match[1]}`;
}
