import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

/**
 * Keeps a second process out of a data directory. Node has no file locks, and a file that names its
 * owner goes stale with kill -9 and lies across containers. A listening socket does neither: the
 * kernel takes it away with the process, whatever ends it. Two of them, for what each cannot see:
 *
 *   - Linux: an abstract socket named by the directory's device and inode. Taking it is atomic, and
 *     it leaves nothing behind; but another network namespace has other names.
 *   - Everywhere: a socket file in the directory (Windows: a named pipe, as atomic as the above).
 *     It is seen from other containers that share the directory. What a dead process left refuses
 *     connections, and is replaced.
 *
 * Not covered: a directory shared between machines.
 */
export interface DirectoryLock {
  release(): Promise<void>;
}

export const lockFile = 'lock.sock';
const lockInfoFile = 'lock.info';
/** Socket addresses end here on every system (sun_path is 104 to 108 bytes). */
const socketPathBytesMax = 100;

/** @throws Error that names the owner, when another process has the directory. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const root = fs.realpathSync(directory);
  const servers: net.Server[] = [];
  const release = async () => {
    // The socket file goes with its server; the descriptor that led to it only afterwards.
    for (const server of servers.splice(0)) await close(server);
  };
  try {
    for (const name of kernelNames(root)) servers.push(await listen(name));
    const server = await listenInDirectory(root);
    if (server !== undefined) servers.push(server);
  } catch (error) {
    await release();
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    throw new Error(
      `${root} is in use by another member${ownerOf(root)}. Stop that one first, or give this ` +
        'one a data directory of its own.',
    );
  }
  try {
    fs.writeFileSync(path.join(root, lockInfoFile), `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // It only serves the message above; a full disk is reported by what needs it.
  }
  return { release };
}

function kernelNames(root: string): string[] {
  if (process.platform !== 'linux' && process.platform !== 'win32') return [];
  const { dev, ino } = fs.statSync(root, { bigint: true });
  const name = `lockstep-data-${dev}-${ino}`;
  return [process.platform === 'linux' ? `\0${name}` : `\\\\.\\pipe\\${name}`];
}

async function listenInDirectory(root: string): Promise<net.Server | undefined> {
  if (process.platform === 'win32') return undefined;
  const file = path.join(root, lockFile);
  if (Buffer.byteLength(file) > socketPathBytesMax && process.platform !== 'linux')
    return undefined;
  const { address, done } = shortAddress(root);
  try {
    return await listen(address);
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') {
      if (await answers(address)) throw error;
      fs.rmSync(file, { force: true });
      return await listen(address);
    }
    // Some file systems have no sockets; on Linux the abstract one still holds.
    if (process.platform === 'linux') return undefined;
    throw error;
  } finally {
    done();
  }
}

/** The socket's path, through an open descriptor where the real one would be too long. */
function shortAddress(root: string): { address: string; done: () => void } {
  const file = path.join(root, lockFile);
  if (Buffer.byteLength(file) <= socketPathBytesMax) return { address: file, done: () => {} };
  const descriptor = fs.openSync(root, 'r');
  return {
    address: `/proc/self/fd/${descriptor}/${lockFile}`,
    done: () => fs.closeSync(descriptor),
  };
}

function listen(address: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ path: address }, () => {
      server.removeListener('error', reject);
      server.on('error', () => {}); // A failed accept changes nothing: the name stays taken.
      server.unref();
      resolve(server);
    });
  });
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path: address });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      // Only a refusal says that nobody listens; anything else is taken for an owner.
      resolve(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT');
    });
  });
}

function close(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function ownerOf(root: string): string {
  try {
    return ` (process ${fs.readFileSync(path.join(root, lockInfoFile), 'utf8').trim()})`;
  } catch {
    return '';
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
