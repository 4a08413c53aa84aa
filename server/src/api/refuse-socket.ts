import type { Duplex } from 'node:stream';
import type { TableError } from '@lockstep/client/protocol';

/** The answer to what never became a request of Node's. */
export function refuseSocket(socket: Duplex, error: TableError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${JSON.stringify({ error: error.toWire() })}\n`;
  const head = [
    `HTTP/1.1 ${error.kind.http} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
