import type { ErrorCode } from '@lockstep/client/protocol';

interface Wait {
  readonly revision: number;
  readonly deadlineTick: number;
  readonly done: (error: ErrorCode | undefined) => void;
}

const waitsMax = 65_536;

/** Callers that wait until a revision is applied here, so that their view never goes back in time. */
export class RevisionWaits {
  #waits: Wait[] = [];

  add(wait: Wait): void {
    if (this.#waits.length >= waitsMax) return wait.done('too_many_requests');
    this.#waits.push(wait);
  }

  reached(revision: number): void {
    if (this.#waits.length === 0) return;
    this.#settle((wait) => wait.revision <= revision, undefined);
  }

  expire(tick: number): void {
    if (this.#waits.length === 0) return;
    this.#settle((wait) => wait.deadlineTick <= tick, 'timeout');
  }

  failAll(code: ErrorCode): void {
    this.#settle(() => true, code);
  }

  #settle(which: (wait: Wait) => boolean, error: ErrorCode | undefined): void {
    const settled = this.#waits.filter(which);
    if (settled.length === 0) return;
    this.#waits = this.#waits.filter((wait) => !which(wait));
    for (const { done } of settled) done(error);
  }
}
