/** Callers of a port that speaks TLS, as bare as they can be. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

/** Either a secure connection or, as an Error, what ended it. */
export async function handshake(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A request over HTTP/1.1. */
export async function https(
  port: number,
  path: string,
  options: ConnectionOptions,
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, agent: false, ...options });
  asked.end();
  const [response] = await once(asked, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}

/** A request over HTTP/2, as curl and browsers send it. */
export async function https2(
  port: number,
  headers: Readonly<Record<string, string>>,
  options: ConnectionOptions,
  body?: Uint8Array,
): Promise<Answer & { readonly bytes: Buffer; readonly trailers: Record<string, unknown> }> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, options);
  const failed = once(session, 'close').then(() => {
    throw new Error('the connection was closed');
  });
  failed.catch(() => {});
  session.on('error', () => {});
  const stream = session.request(headers, { endStream: body === undefined });
  stream.on('error', () => {});
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (given) => {
    trailers = given;
  });
  if (body !== undefined) stream.end(body);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  const ended = once(stream, 'end');
  ended.catch(() => {});
  const [head] = await Promise.race([once(stream, 'response'), failed]);
  await Promise.race([ended, failed]);
  session.destroy();
  const bytes = Buffer.concat(chunks);
  return { status: Number(head[':status']), text: bytes.toString(), bytes, trailers };
}

/** Says something without TLS, and hears until the end. */
export async function plaintext(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}
