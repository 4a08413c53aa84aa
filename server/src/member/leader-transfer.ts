import type { ErrorCode } from '@lockstep/client/protocol';

type Done = (error: ErrorCode | undefined) => void;

/** The caller that waits until another member leads; one at a time. */
export class LeaderTransfer {
  #waiting: { target: string; deadlineTick: number; done: Done } | undefined;

  /** A caller that waits already is told that the leader changed its mind. */
  begin(target: string, deadlineTick: number, done: Done): void {
    this.end('leader_changed');
    this.#waiting = { target, deadlineTick, done };
  }

  look(leader: string): void {
    if (this.#waiting?.target === leader) this.end(undefined);
  }

  expire(tick: number): void {
    if (this.#waiting !== undefined && this.#waiting.deadlineTick <= tick) this.end('timeout');
  }

  end(error: ErrorCode | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(error);
  }
}
