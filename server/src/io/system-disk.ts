import fs from 'node:fs';
import path from 'node:path';
import type { Disk, DiskFile, Done } from '../ports.ts';

/** O_DSYNC is not there on Windows. */
const { O_DSYNC, O_WRONLY } = fs.constants;
const ownerOnly = { directory: 0o700, file: 0o600 } as const;

const advice: Readonly<Record<string, string>> = {
  EROFS: 'it is on a read-only file system; mount it writable or choose another directory',
  EACCES: 'this user may not write there; change its owner or choose another directory',
  EPERM: 'this user may not write there; change its owner or choose another directory',
  ENOTDIR: 'it, or something above it, is a file and not a directory; choose another path',
  EEXIST: 'it is a file and not a directory; choose another path',
  ENOSPC: 'the disk is full; free some space or choose another directory',
};

/**
 * A directory of the operating system, made with its parents if it is not there.
 * Writes and syncs run beside the event loop; opening, renaming and reading do not.
 */
export class SystemDisk implements Disk {
  readonly location: string;

  /** @throws Error that says why the directory cannot be used, with the system's error as its cause. */
  constructor(directory: string) {
    this.location = path.resolve(directory);
    try {
      makeDirectories(this.location);
      // Permission bits do not tell all (a read-only mount, an administrator): try.
      const probe = path.join(this.location, `.writable-${process.pid}`);
      fs.writeFileSync(probe, '', { mode: ownerOnly.file });
      fs.unlinkSync(probe);
    } catch (error) {
      const code = codeOf(error);
      const why = advice[code] ?? (error instanceof Error ? error.message : String(error));
      throw new Error(`the data directory ${this.location} cannot be used (${code}): ${why}`, {
        cause: error,
      });
    }
  }

  list(): string[] {
    return fs
      .readdirSync(this.location, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort();
  }

  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile {
    const flags = { read: 'r', write: 'r+', create: 'wx+' }[mode];
    const descriptor = fs.openSync(this.#path(name), flags, ownerOnly.file);
    if (mode === 'read' || O_DSYNC === undefined) return new SystemFile(name, descriptor);
    // A second descriptor for writeDurable; opened now, because the file may be renamed later.
    return new SystemFile(name, descriptor, fs.openSync(this.#path(name), O_WRONLY | O_DSYNC));
  }

  rename(from: string, to: string): void {
    fs.renameSync(this.#path(from), this.#path(to));
  }

  remove(name: string): void {
    fs.unlinkSync(this.#path(name));
  }

  syncDirectory(done: Done): void {
    fs.open(this.location, 'r', (openError, descriptor) => {
      if (openError !== null) {
        done(openError);
        return;
      }
      fs.fsync(descriptor, (syncError) => {
        fs.close(descriptor, (closeError) => {
          const error = syncError ?? closeError;
          // Windows cannot sync a directory; NTFS journals its changes by itself.
          if (error && process.platform !== 'win32') done(error);
          else done();
        });
      });
    });
  }

  #path(name: string): string {
    if (path.basename(name) !== name || name === '.' || name === '..') {
      throw new Error(`"${name}" is not the name of a file in the data directory`);
    }
    return path.join(this.location, name);
  }
}

class SystemFile implements DiskFile {
  readonly name: string;
  readonly #descriptor: number;
  readonly #durableDescriptor: number | undefined;
  #pending = 0;
  #closed = false;

  constructor(name: string, descriptor: number, durableDescriptor?: number) {
    this.name = name;
    this.#descriptor = descriptor;
    this.#durableDescriptor = durableDescriptor;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = into ?? new Uint8Array(Math.min(length, Math.max(0, this.size() - offset)));
    const wanted = Math.min(length, bytes.length);
    let filled = 0;
    while (filled < wanted) {
      const left = wanted - filled;
      const count = fs.readSync(this.#descriptor, bytes, filled, left, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled === bytes.length ? bytes : bytes.subarray(0, filled);
  }

  write(offset: number, bytes: Uint8Array, done: Done): void {
    this.#write(this.#descriptor, { offset, bytes }, done);
  }

  /** One trip to the thread pool and one system call, where a write and a sync take two. */
  writeDurable(offset: number, bytes: Uint8Array, done: Done): void {
    if (this.#durableDescriptor !== undefined) {
      this.#write(this.#durableDescriptor, { offset, bytes }, done);
      return;
    }
    this.write(offset, bytes, (error) => (error === undefined ? this.sync(done) : done(error)));
  }

  #write(descriptor: number, what: { offset: number; bytes: Uint8Array }, done: Done): void {
    const { offset, bytes } = what;
    this.#begin();
    const writeRest = (from: number): void => {
      fs.write(descriptor, bytes, from, bytes.length - from, offset + from, (error, count) => {
        if (error === null && from + count < bytes.length) writeRest(from + count);
        else this.#end(error, done);
      });
    };
    writeRest(0);
  }

  sync(done: Done): void {
    this.#begin();
    fs.fdatasync(this.#descriptor, (error) => this.#end(error, done));
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#descriptor, size);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeIfIdle();
  }

  #begin(): void {
    if (this.#closed) throw new Error(`${this.name} is closed`);
    this.#pending++;
  }

  #end(error: Error | null, done: Done): void {
    this.#pending--;
    this.#closeIfIdle();
    if (error === null) done();
    else done(error);
  }

  /** Closing under a running operation could hand its descriptor to another file. */
  #closeIfIdle(): void {
    if (!this.#closed || this.#pending > 0) return;
    fs.closeSync(this.#descriptor);
    if (this.#durableDescriptor !== undefined) fs.closeSync(this.#durableDescriptor);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/**
 * Makes the directory and what is missing above it. One by one: Node's recursive form tries for
 * ever where the parent exists and still refuses with ENOENT, as /proc does.
 */
function makeDirectories(directory: string): void {
  const parent = path.dirname(directory);
  if (parent !== directory && !fs.existsSync(parent)) makeDirectories(parent);
  if (!fs.existsSync(directory) || !fs.statSync(directory).isDirectory()) {
    fs.mkdirSync(directory, { mode: ownerOnly.directory });
  }
}
