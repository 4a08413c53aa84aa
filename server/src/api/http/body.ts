import type { IncomingMessage } from 'node:http';
import { TableError } from '@lockstep/client/protocol';

/** So much of a body that is too large is read and dropped, for the sake of a readable answer. */
const droppedBytesMax = 16 * 1024 * 1024;

/**
 * The whole body, raw.
 * @throws TableError `request_too_large`, at once when the length is announced.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > droppedBytesMax) return Promise.reject(tooLarge(bytesMax));
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else chunks = [];
      if (bytes > droppedBytesMax) reject(tooLarge(bytesMax));
    });
    request.on('end', () => {
      if (bytes > bytesMax) reject(tooLarge(bytesMax));
      else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    // Nobody is left to answer; the rejection only ends the waiting.
    request.on('close', () => reject(new TableError('invalid_request', 'the body was cut short')));
  });
}

export function tooLarge(bytesMax: number): TableError {
  return new TableError('request_too_large', `a body here may have ${bytesMax} bytes`);
}
