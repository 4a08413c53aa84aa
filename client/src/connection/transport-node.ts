import type { Socket } from 'node:net';
import { limits, subprotocol } from '@lockstep/client/protocol';
import { type ClientOptions, WebSocket } from 'ws';
import { tlsSentence } from './tls-sentence.ts';
import { broken, type ClientTls, closedWith, type Dial, type TransportEnd } from './transport.ts';

/** Larger than any frame a member sends: a full answer, its keys and its envelope. */
const frameBytesMax = 4 * limits.answerBytesMax;

export const dialNode: Dial = (url, handler, tls) => {
  const socket = new WebSocket(url, subprotocol, {
    // Compression costs twenty times what it saves on messages of this size.
    perMessageDeflate: false,
    maxPayload: frameBytesMax,
    ...(tls === undefined ? {} : secureOptions(tls)),
  });
  let stream: Socket | undefined;
  let problem: string | undefined;
  let done = false;
  const finish = (end: TransportEnd): void => {
    if (done) return;
    done = true;
    handler.closed(end);
  };
  socket.on('upgrade', (response) => {
    stream = response.socket;
  });
  socket.on('open', () => {
    if (!done) handler.opened();
  });
  socket.on('message', (data, isBinary) => {
    if (done) return;
    if (isBinary) {
      finish(broken('it sent a binary frame'));
      socket.terminate();
    } else handler.frame(String(data));
  });
  socket.on('ping', () => {
    if (!done) handler.alive();
  });
  // An 'error' is always followed by 'close', which reports it.
  socket.on('error', (error) => {
    problem = isBadRequest(error, url)
      ? 'it answers with HTTP 400: if it speaks TLS, write https://'
      : sentence(error);
  });
  socket.on('close', (code, reason) => {
    finish(problem === undefined ? closedWith(code, reason.toString()) : broken(problem));
  });
  return {
    send(frames) {
      stream?.cork();
      for (const frame of frames) socket.send(frame, ignoreError);
      stream?.uncork();
    },
    close() {
      done = true;
      if (socket.readyState !== WebSocket.OPEN) return socket.terminate();
      socket.close(1000);
      // Ends once the closing frame is written: a peer that does not answer it must not hold this process.
      stream?.destroySoon();
    },
  };
};

function secureOptions({ ca, cert, key, serverName }: ClientTls): ClientOptions {
  const bytes = (pem: string | Uint8Array): string | Buffer =>
    typeof pem === 'string' ? pem : Buffer.from(pem);
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: bytes(ca) }),
    ...(cert === undefined ? {} : { cert: bytes(cert) }),
    ...(key === undefined ? {} : { key: bytes(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** A frame that could not be written is reported by 'close', which every call in flight hears of. */
function ignoreError(): void {}

/** What a port that speaks TLS, and many another one, has for a WebSocket in plaintext. */
function isBadRequest({ message }: Error, url: string): boolean {
  return url.startsWith('ws:') && /^Unexpected server response: 400$/.test(message);
}

function sentence(error: Error & { code?: string; errors?: readonly Error[] }): string {
  const inner = error.errors?.[0];
  if (inner !== undefined) return sentence(inner);
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
      return 'connection reset';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'no such host';
    default:
      return tlsSentence(error) ?? error.message;
  }
}
