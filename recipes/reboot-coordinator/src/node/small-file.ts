import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const bytesMax = 64 * 1024;

/**
 * The first 64 KiB of a file; undefined if it is not there.
 *
 * @throws {Error} if it is there and cannot be read, or is no ordinary file.
 */
export async function readSmallFile(path: string): Promise<string | undefined> {
  // Non-blocking, since a pipe of that name would keep the call until somebody writes into it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is no ordinary file`);
    const buffer = Buffer.alloc(bytesMax);
    const { bytesRead } = await file.read(buffer, 0, bytesMax, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
