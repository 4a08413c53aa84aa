import { TableError } from '@lockstep/client/protocol';
import type { MachineImage } from '../core/machine-image.ts';
import { backupPadding } from '../storage/backup-format.ts';
import { SnapshotEncoder } from '../storage/snapshot-encoder.ts';
import type { SnapshotStream, Stamp } from '../store.ts';
import type { Member } from './member.ts';

/** Each keeps in memory what was written and compacted since it began. */
const openMax = 8;

/** The states that are being read out as backups. */
export class Backups {
  readonly #member: Member;
  readonly #open = new Set<Backup>();

  constructor(member: Member) {
    this.#member = member;
  }

  /** Of the state as it is now. @throws TableError `too_many_requests`. */
  begin(stamp: Stamp): SnapshotStream {
    if (this.#open.size >= openMax) {
      const message = `${openMax} snapshots of this member are being read already; wait until one has ended`;
      throw new TableError('too_many_requests', message);
    }
    const backup = new Backup(this.#member, stamp, () => this.#open.delete(backup));
    this.#open.add(backup);
    return backup;
  }
}

/** The frames of a snapshot, one for each call, with zeros behind them. */
class Backup implements SnapshotStream {
  readonly stamp: Stamp;
  readonly #member: Member;
  readonly #image: MachineImage;
  readonly #parts: Iterator<Uint8Array>;
  readonly #closed: () => void;
  #isClosed = false;

  constructor(member: Member, stamp: Stamp, closed: () => void) {
    this.#member = member;
    this.stamp = stamp;
    this.#closed = closed;
    this.#image = member.machine.image();
    this.#parts = partsOf(this.#image, new SnapshotEncoder(member.options, member.place()));
  }

  async next(): Promise<Uint8Array | undefined> {
    if (!this.#isClosed) await new Promise<void>((resolve) => this.#member.pause(resolve));
    if (this.#isClosed) return undefined;
    if (!this.#member.running) {
      this.close();
      throw new TableError('server_stopped');
    }
    const part = this.#parts.next();
    if (!part.done) return part.value;
    this.close();
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#image.release();
    this.#closed();
    // What could not be given back for this reader can be now.
    this.#member.wakeUp();
  }
}

function* partsOf(image: MachineImage, frames: SnapshotEncoder): Generator<Uint8Array> {
  let bytes = 0;
  const counted = (part: Uint8Array): Uint8Array => {
    bytes += part.length;
    return part;
  };
  yield counted(frames.header());
  for (const chunk of image.chunks()) yield counted(frames.chunk(chunk));
  yield counted(frames.trailer());
  const padding = backupPadding(bytes);
  if (padding > 0) yield new Uint8Array(padding);
}
