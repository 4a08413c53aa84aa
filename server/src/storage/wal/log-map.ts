import type { Position } from './record.ts';

/** At this entry begins a run of frames whose indexes count up by one. */
export interface Mark extends Position {
  readonly index: number;
}

const bytesBetweenMarks = 64 * 1024;

/**
 * Where entries are: one mark for about every 64 KiB, and one wherever the log was overwritten.
 *
 *   frames   1 2 3 4 5 6 7 8 | 5' 6' 7' 8' 9'      (entries from 5 on were replaced)
 *   marks    1         -       5'
 *
 * Reading from 3 takes 3 and 4 behind mark 1, and at the index of the next mark goes on there, so
 * replaced frames are never read.
 */
export class LogMap {
  #marks: Mark[] = [];

  /** The mark to start from for `index`, or undefined if the log does not reach back to it. */
  find(index: number): { mark: Mark; next: Mark | undefined } | undefined {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const mark = this.#marks[middle];
      if (mark !== undefined && mark.index <= index) low = middle + 1;
      else high = middle;
    }
    const mark = this.#marks[low - 1];
    return mark === undefined ? undefined : { mark, next: this.#marks[low] };
  }

  /** An entry was written. `replaces` says that it does not follow the one written before it. */
  add(mark: Mark, replaces: boolean): void {
    if (replaces) this.#dropFrom(mark.index);
    const last = this.#marks[this.#marks.length - 1];
    const near =
      last !== undefined &&
      last.sequence === mark.sequence &&
      mark.offset - last.offset < bytesBetweenMarks;
    if (replaces || !near) this.#marks.push(mark);
  }

  /** Forgets everything. */
  clear(): void {
    this.#marks = [];
  }

  /** Forgets what is in segments before `sequence`. */
  release(sequence: number): void {
    this.#marks = this.#marks.filter((mark) => mark.sequence >= sequence);
  }

  #dropFrom(index: number): void {
    while ((this.#marks[this.#marks.length - 1]?.index ?? -1) >= index) this.#marks.pop();
  }
}
