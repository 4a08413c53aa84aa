import type { Disk, DiskFile } from '../../ports.ts';
import { asError } from '../as-error.ts';
import { segmentName } from './segment.ts';

const sliceBytes = 1024 * 1024;
const slicesPerSync = 8;
export const fillerSuffix = '.tmp';

export interface PreparedSegment {
  readonly sequence: number;
  readonly file: DiskFile;
}

/**
 * Writes the next segment full of zeros while the present one is in use, a slice at a time, so that
 * beginning it costs nothing and its space is there. A full disk shows here, a whole segment ahead.
 */
export class SegmentFiller {
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  readonly #onChange: () => void;
  #ready: PreparedSegment | undefined;
  #failure: Error | undefined;
  #filling = false;
  #closed = false;

  /** `onChange` is called when a segment became ready, preparing failed, or closing came to an end. */
  constructor(disk: Disk, segmentBytes: number, onChange: () => void) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#onChange = onChange;
  }

  get ready(): PreparedSegment | undefined {
    return this.#ready;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** True while a file operation is under way. */
  get busy(): boolean {
    return this.#filling;
  }

  /** A segment that an earlier run prepared. */
  adopt(prepared: PreparedSegment): void {
    this.#ready = prepared;
  }

  take(): PreparedSegment | undefined {
    const taken = this.#ready;
    this.#ready = undefined;
    return taken;
  }

  /** Begins to prepare segment `sequence`; nothing happens while one is ready or under way. */
  prepare(sequence: number): void {
    if (this.#filling || this.#ready !== undefined || this.#closed) return;
    this.#filling = true;
    this.#failure = undefined;
    const temporary = segmentName(sequence) + fillerSuffix;
    let file: DiskFile;
    try {
      if (this.#disk.list().includes(temporary)) this.#disk.remove(temporary);
      file = this.#disk.open(temporary, 'create');
    } catch (error) {
      this.#finish(asError(error));
      return;
    }
    this.#fill(file, sequence, 0);
  }

  close(): void {
    this.#closed = true;
    this.#ready?.file.close();
    this.#ready = undefined;
  }

  #fill(file: DiskFile, sequence: number, written: number): void {
    const next = (error?: Error) => {
      if (error !== undefined || this.#closed) {
        file.close();
        this.#finish(error);
      } else this.#fill(file, sequence, written + slice);
    };
    const slice = Math.min(sliceBytes, this.#segmentBytes - written);
    if (slice === 0) {
      file.sync((error) => this.#publish(file, sequence, error));
      return;
    }
    file.write(written, new Uint8Array(slice), (error) => {
      // Synced piece by piece: one sync of all of it would hold up the log's own.
      const syncs = (written / sliceBytes) % slicesPerSync === slicesPerSync - 1;
      if (error === undefined && syncs && !this.#closed) file.sync(next);
      else next(error);
    });
  }

  #publish(file: DiskFile, sequence: number, error: Error | undefined): void {
    file.close();
    if (error !== undefined || this.#closed) {
      this.#finish(error);
      return;
    }
    const name = segmentName(sequence);
    try {
      this.#disk.rename(name + fillerSuffix, name);
      const opened = this.#disk.open(name, 'write');
      this.#disk.syncDirectory((syncError) => {
        if (syncError === undefined && !this.#closed) this.#ready = { sequence, file: opened };
        else opened.close();
        this.#finish(syncError);
      });
    } catch (thrown) {
      this.#finish(asError(thrown));
    }
  }

  #finish(error: Error | undefined): void {
    this.#filling = false;
    this.#failure = error;
    this.#onChange();
  }
}
