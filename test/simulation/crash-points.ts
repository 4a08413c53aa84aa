import type { Disk, DiskFile, Done, PeerLink, PeerNetwork } from '../../server/src/ports.ts';

/**
 * Where a process can be cut off: on both sides of everything that leaves it, and after what changes what it is. Each is reached
 * through a port or an event of the member, so that the product knows nothing of it.
 */
export const crashPoints = [
  'before a log write',
  'after a log write',
  'before a log sync',
  'after a log sync',
  'after a log segment was made',
  'before a log segment is released',
  'after a log segment was released',
  'before a snapshot write',
  'after a snapshot write',
  'before a snapshot sync',
  'after a snapshot sync',
  'before a snapshot rename',
  'after a snapshot rename',
  'after a snapshot was removed',
  'before a directory sync',
  'after a directory sync',
  'before a leader sends',
  'after a leader sent',
  'before a follower sends',
  'after a follower sent',
  'after an entry was applied',
  'after a compaction was applied',
  'after memory was swept',
  'after a snapshot was installed',
] as const;

export type CrashPoint = (typeof crashPoints)[number];

/** Thrown through the process that is no more, so that nothing after the point happens. */
export class Cut extends Error {}

/** Where one process is to be cut off next, and how often it passes there before. */
export class CutPlan {
  #point: CrashPoint | undefined;
  #passes = 0;
  #isOver = false;
  readonly #crash: (point: CrashPoint) => void;

  /** @param crash ends the process; what it is in is left by an exception afterwards. */
  constructor(crash: (point: CrashPoint) => void) {
    this.#crash = crash;
  }

  arm(point: CrashPoint, passes: number): void {
    this.#point = point;
    this.#passes = passes;
  }

  get isArmed(): boolean {
    return this.#point !== undefined;
  }

  disarm(): void {
    this.#point = undefined;
  }

  /** @throws Cut when this is where the process ends, or has ended: what is left of it must touch nothing. */
  reach(point: CrashPoint): void {
    this.live();
    if (point !== this.#point || this.#passes-- > 0) return;
    this.#point = undefined;
    this.#isOver = true;
    this.#crash(point);
    throw new Cut(point);
  }

  /** @throws Cut when the process has been cut off. */
  live(): void {
    if (this.#isOver) throw new Cut('the process is over');
  }
}

type FileKind = 'log' | 'snapshot' | undefined;

function kindOf(name: string): FileKind {
  if (name.startsWith('wal-')) return 'log';
  return name.startsWith('snapshot-') ? 'snapshot' : undefined;
}

/** A disk that tells the plan what passes. */
export class CutDisk implements Disk {
  readonly #disk: Disk;
  readonly #plan: CutPlan;

  constructor(disk: Disk, plan: CutPlan) {
    this.#disk = disk;
    this.#plan = plan;
  }

  get location(): string {
    return this.#disk.location;
  }

  list(): string[] {
    return this.#disk.list();
  }

  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile {
    const file = this.#disk.open(name, mode);
    if (mode === 'create' && kindOf(name) === 'log')
      this.#plan.reach('after a log segment was made');
    return this.#watched(file, kindOf(name));
  }

  rename(from: string, to: string): void {
    const isSnapshot = kindOf(to) === 'snapshot';
    if (isSnapshot) this.#plan.reach('before a snapshot rename');
    this.#disk.rename(from, to);
    if (isSnapshot) this.#plan.reach('after a snapshot rename');
  }

  remove(name: string): void {
    const kind = kindOf(name);
    if (kind === 'log') this.#plan.reach('before a log segment is released');
    this.#disk.remove(name);
    if (kind === 'log') this.#plan.reach('after a log segment was released');
    if (kind === 'snapshot') this.#plan.reach('after a snapshot was removed');
  }

  syncDirectory(done: Done): void {
    this.#plan.reach('before a directory sync');
    this.#disk.syncDirectory((error) => {
      this.#plan.reach('after a directory sync');
      done(error);
    });
  }

  #watched(file: DiskFile, kind: FileKind): DiskFile {
    if (kind === undefined) return file;
    const plan = this.#plan;
    const around = (what: 'write' | 'sync', run: (done: Done) => void, done: Done): void => {
      plan.reach(`before a ${kind} ${what}`);
      run((error) => {
        plan.reach(`after a ${kind} ${what}`);
        done(error);
      });
    };
    return {
      name: file.name,
      size: () => {
        plan.live();
        return file.size();
      },
      read: (offset, length, into) => {
        plan.live();
        return file.read(offset, length, into);
      },
      write: (offset, bytes, done) =>
        around('write', (then) => file.write(offset, bytes, then), done),
      writeDurable: (offset, bytes, done) =>
        around('sync', (then) => file.writeDurable(offset, bytes, then), done),
      sync: (done) => around('sync', (then) => file.sync(then), done),
      truncate: (size) => {
        plan.live();
        file.truncate(size);
      },
      close: () => file.close(),
    };
  }
}

/**
 * A network that tells the plan what is sent, and by whom: a leader or somebody else; and `sent` of each frame, which says whether it
 * gets on its way and may send it again.
 */
export function cutNetwork(
  network: PeerNetwork,
  plan: CutPlan,
  {
    leads,
    sent,
  }: {
    leads: () => boolean;
    sent: (frame: Uint8Array, to: string, again: () => void) => boolean;
  },
): PeerNetwork {
  const watched = (link: PeerLink): PeerLink => ({
    address: link.address,
    queuedBytes: () => link.queuedBytes(),
    close: () => link.close(),
    send: (frame) => {
      const isLeader = leads();
      plan.reach(isLeader ? 'before a leader sends' : 'before a follower sends');
      if (sent(frame, link.address, () => link.send(frame))) link.send(frame);
      plan.reach(isLeader ? 'after a leader sent' : 'after a follower sent');
    },
  });
  return {
    accept: (accept) => network.accept((link) => accept(watched(link))),
    dial: (target, handler) => watched(network.dial(target, handler)),
  };
}
