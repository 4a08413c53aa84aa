import { Random } from '../src/core/base/random.ts';
import type { Disk, DiskFile, Done } from '../src/ports.ts';

export interface SimDiskOptions {
  readonly seed: number;
  /** Runs `run` later, in the order of the simulation. */
  readonly schedule: (delayMs: number, run: () => void) => void;
  readonly location?: string;
  /** A write or sync takes from 0 to so many milliseconds. Default 0. */
  readonly latencyMsMax?: number;
  /** Growing files beyond this many bytes in all fails with ENOSPC. */
  readonly capacityBytes?: number;
}

const sectorBytes = 512;
const pageBytes = 4096;
const none = new Uint8Array(0);

/** What a file holds: as the programs see it, and as a crash would leave it for sure. */
interface Inode {
  current: Uint8Array;
  durable: Uint8Array;
  /** Sectors of `current` that may differ from `durable`, with the number of the write that made them so. */
  dirty: Map<number, number>;
  /** Handed over and not done: not in `current` yet, but a crash may keep any part of it. */
  inFlight: Set<PendingWrite>;
}

interface PendingWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A stretch of sectors, as they were when a sync began. */
interface Run {
  readonly from: number;
  readonly bytes: Uint8Array;
}

interface Change {
  readonly number: number;
  readonly make: (names: Map<string, Inode>) => void;
}

/**
 * A disk in memory that forgets as disks do. What was not synced may be lost in a crash, kept, or
 * kept in part, by page or by sector and in any order; so may creations, renames and removals, each
 * for itself, until the directory is synced. One seed gives one behaviour.
 */
export class SimDisk implements Disk {
  readonly location: string;
  latencyMsMax: number;
  capacityBytes: number;
  /** Operations so far, for tests that count. */
  readonly counts = { writes: 0, syncs: 0, directorySyncs: 0, writtenBytes: 0 };
  readonly #random: Random;
  readonly #schedule: SimDiskOptions['schedule'];
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Directory changes since the last sync that counts, in order. */
  #changes: Change[] = [];
  #changeCount = 0;
  #failures: {
    readonly operation: 'write' | 'sync';
    readonly name: RegExp;
    readonly error: Error;
  }[] = [];
  /** Counts crashes: what was under way before one never ends. */
  #life = 0;

  constructor(options: SimDiskOptions) {
    this.location = options.location ?? '/simulated';
    this.latencyMsMax = options.latencyMsMax ?? 0;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#random = new Random(options.seed);
    this.#schedule = options.schedule;
  }

  list(): string[] {
    return [...this.#names.keys()].sort();
  }

  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile {
    const found = this.#names.get(name);
    if (mode === 'create') {
      if (found !== undefined) throw diskError('EEXIST', `${name} exists already`);
      const inode: Inode = { current: none, durable: none, dirty: new Map(), inFlight: new Set() };
      this.#change((names) => names.set(name, inode));
      return this.#handle(name, inode, true);
    }
    if (found === undefined) throw diskError('ENOENT', `no such file: ${name}`);
    return this.#handle(name, found, mode === 'write');
  }

  rename(from: string, to: string): void {
    const inode = this.#existing(from);
    this.#change((names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  remove(name: string): void {
    this.#existing(name);
    this.#change((names) => names.delete(name));
  }

  syncDirectory(done: Done): void {
    this.counts.directorySyncs++;
    const last = this.#changeCount;
    this.#later(() => {
      for (const change of this.#changes) {
        if (change.number <= last) change.make(this.#durableNames);
      }
      this.#changes = this.#changes.filter((change) => change.number > last);
      done();
    });
  }

  /** The power goes: everything under way ends, handles are dead, and only some of what was not synced stays. */
  crash(): void {
    this.#life++;
    this.#failures = [];
    const survivors = this.#durableNames;
    const mood = this.#random.below(3);
    for (const change of this.#changes) {
      if (mood === 0 || (mood === 1 && this.#random.oneIn(2))) change.make(survivors);
    }
    this.#changes = [];
    for (const name of [...survivors.keys()].sort()) {
      const inode = survivors.get(name);
      if (inode !== undefined) this.#crashFile(inode);
    }
    this.#durableNames = survivors;
    this.#names = new Map(survivors);
  }

  /** The process dies, the power stays: handles are dead, what was written stays readable but is still not durable. */
  kill(): void {
    this.#life++;
    for (const inode of new Set(this.#names.values())) {
      for (const pending of inode.inFlight) {
        if (this.#random.oneIn(2)) apply(inode, pending);
      }
      inode.inFlight.clear();
    }
  }

  /** The next operation of this kind on a file with such a name fails. */
  failNext(operation: 'write' | 'sync', name = /^/, code = 'EIO'): void {
    this.#failures.push({ operation, name, error: diskError(code, `${operation} failed`) });
  }

  /** Damage at rest. */
  flipBit(name: string, offset: number, bit: number): void {
    const inode = this.#existing(name);
    for (const bytes of new Set([inode.current, inode.durable])) {
      const byte = bytes[offset];
      if (byte !== undefined) bytes[offset] = byte ^ (1 << bit);
    }
  }

  /** Cuts a file short, as damage at rest. */
  cutFile(name: string, size: number): void {
    const inode = this.#existing(name);
    inode.current = inode.current.slice(0, size);
    inode.durable = inode.durable.slice(0, size);
    inode.dirty.clear();
  }

  usedBytes(): number {
    let bytes = 0;
    for (const inode of new Set(this.#names.values())) bytes += inode.current.length;
    return bytes;
  }

  /** A second disk with the same files, all durable; for trying many kinds of damage on one log. */
  copy(): SimDisk {
    const { latencyMsMax, capacityBytes, location } = this;
    const seed = this.#random.next();
    const schedule = this.#schedule;
    const made = new SimDisk({ seed, schedule, location, latencyMsMax, capacityBytes });
    for (const [name, { current }] of this.#names) {
      const inode = {
        current: current.slice(),
        durable: current.slice(),
        dirty: new Map<number, number>(),
        inFlight: new Set<PendingWrite>(),
      };
      made.#names.set(name, inode);
      made.#durableNames.set(name, inode);
    }
    return made;
  }

  #existing(name: string): Inode {
    const inode = this.#names.get(name);
    if (inode === undefined) throw diskError('ENOENT', `no such file: ${name}`);
    return inode;
  }

  #change(make: Change['make']): void {
    make(this.#names);
    this.#changeCount++;
    this.#changes.push({ number: this.#changeCount, make });
  }

  #later(run: () => void): void {
    const life = this.#life;
    this.#schedule(this.latencyMsMax === 0 ? 0 : this.#random.below(this.latencyMsMax + 1), () => {
      if (life === this.#life) run();
    });
  }

  #failureOf(operation: 'write' | 'sync', name: string): Error | undefined {
    const at = this.#failures.findIndex(
      (failure) => failure.operation === operation && failure.name.test(name),
    );
    return at < 0 ? undefined : this.#failures.splice(at, 1)[0]?.error;
  }

  #handle(name: string, inode: Inode, writable: boolean): DiskFile {
    const life = this.#life;
    let closed = false;
    const use = (): void => {
      if (closed || life !== this.#life) throw diskError('EBADF', `${name} is not open`);
    };
    const change = (): void => {
      use();
      if (!writable) throw diskError('EBADF', `${name} is open for reading only`);
    };
    return {
      name,
      size: () => {
        use();
        return inode.current.length;
      },
      read: (offset, length) => {
        use();
        return inode.current.slice(offset, offset + length);
      },
      write: (offset, bytes, done) => {
        change();
        this.#write(name, inode, { offset, bytes }, done);
      },
      writeDurable: (offset, bytes, done) => {
        change();
        this.#write(name, inode, { offset, bytes }, (error) => {
          if (error === undefined) this.#sync(name, inode, done);
          else done(error);
        });
      },
      sync: (done) => {
        use();
        this.#sync(name, inode, done);
      },
      truncate: (size) => {
        change();
        resize(inode, size);
      },
      close: () => {
        closed = true;
      },
    };
  }

  #write(name: string, inode: Inode, write: PendingWrite, done: Done): void {
    this.counts.writes++;
    this.counts.writtenBytes += write.bytes.length;
    const grows = Math.max(0, write.offset + write.bytes.length - inode.current.length);
    const full = grows > 0 && this.usedBytes() + grows > this.capacityBytes;
    const failure = full
      ? diskError('ENOSPC', 'no space left on device')
      : this.#failureOf('write', name);
    // Copied: a caller that reuses its buffer too early is found by its checksums.
    const pending = { offset: write.offset, bytes: write.bytes.slice() };
    inode.inFlight.add(pending);
    this.#later(() => {
      inode.inFlight.delete(pending);
      if (failure === undefined) apply(inode, { offset: write.offset, bytes: write.bytes });
      done(failure);
    });
  }

  #sync(name: string, inode: Inode, done: Done): void {
    this.counts.syncs++;
    const failure = this.#failureOf('sync', name);
    // What counts is what was there when the sync began. Until it is done, a crash may lose it.
    const size = inode.current.length;
    const syncing = new Map(inode.dirty);
    const runs = dirtyRuns(inode);
    this.#later(() => {
      if (failure === undefined) {
        inode.durable = resized(inode.durable, size);
        for (const run of runs) inode.durable.set(run.bytes, run.from);
        for (const [sector, write] of syncing) {
          if (inode.dirty.get(sector) === write) inode.dirty.delete(sector);
        }
      }
      done(failure);
    });
  }

  #crashFile(inode: Inode): void {
    const random = this.#random;
    const before = inode.durable;
    for (const pending of inode.inFlight) {
      if (random.oneIn(2)) apply(inode, pending);
    }
    inode.inFlight.clear();
    const after = inode.current;
    const sizes = [before.length, after.length];
    const size = before.length === after.length ? after.length : random.pick(sizes);
    const left = resized(before.slice(), size);
    // Everything lost, everything kept, by page or by sector.
    const mood = random.below(4);
    const kept = new Map<number, boolean>();
    for (const sector of [...inode.dirty.keys()].sort((one, other) => one - other)) {
      const unit = mood === 2 ? Math.floor((sector * sectorBytes) / pageBytes) : sector;
      const keep = kept.get(unit) ?? (mood === 0 ? false : mood === 1 || random.oneIn(2));
      kept.set(unit, keep);
      const from = sector * sectorBytes;
      if (keep && from < size)
        left.set(after.slice(from, Math.min(from + sectorBytes, size)), from);
    }
    inode.durable = left;
    inode.current = left.slice();
    inode.dirty = new Map();
  }
}

function apply(inode: Inode, write: PendingWrite): void {
  const end = write.offset + write.bytes.length;
  if (end > inode.current.length) resize(inode, end);
  inode.current.set(write.bytes, write.offset);
  markDirty(inode, write.offset, end);
}

function resize(inode: Inode, size: number): void {
  const before = inode.current.length;
  inode.current = resized(inode.current, size);
  markDirty(inode, Math.min(before, size), Math.max(before, size));
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  if (size === bytes.length) return bytes;
  const made = new Uint8Array(size);
  made.set(bytes.subarray(0, size));
  return made;
}

let writeCount = 0;

function markDirty(inode: Inode, from: number, to: number): void {
  writeCount++;
  const last = Math.floor((to - 1) / sectorBytes);
  for (let sector = Math.floor(from / sectorBytes); sector <= last; sector++) {
    inode.dirty.set(sector, writeCount);
  }
}

function dirtyRuns(inode: Inode): Run[] {
  const runs: Run[] = [];
  const sectors = [...inode.dirty.keys()].sort((one, other) => one - other);
  for (let at = 0; at < sectors.length; ) {
    const first = sectors[at] ?? 0;
    let next = first;
    while (sectors[at] === next) {
      at++;
      next++;
    }
    const from = first * sectorBytes;
    runs.push({ from, bytes: inode.current.slice(from, next * sectorBytes) });
  }
  return runs;
}

function diskError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
