import { TableError } from '@lockstep/client/protocol';
import type { HubStream } from '../core/watch/watch-hub.ts';
import type { WatchRequest, WatchStream } from '../store.ts';
import type { Member } from './member.ts';

/** The watches of one connection, over the member's hub. */
export class MemberWatchStream implements WatchStream {
  readonly #member: Member;
  readonly #stream: HubStream;

  constructor(member: Member, stream: HubStream) {
    this.#member = member;
    this.#stream = stream;
  }

  create(watchId: number, request: WatchRequest): number {
    const { compactRevision } = this.#member.machine.store;
    const { startRevision, progressNotify, credits } = request;
    if (this.#member.chores.isCorrupt) throw new TableError('corrupt');
    if (this.#stream.has(watchId)) throw new TableError('watch_id_taken');
    if (startRevision > 0 && startRevision < compactRevision) {
      throw new TableError('compacted', undefined, { compactRevision });
    }
    const { ranges, prevKv, noPut, noDelete, keysOnly } = request;
    const spec = { ranges, prevKv, noPut, noDelete, keysOnly };
    const start = this.#stream.create(watchId, spec, { progressNotify, credits }, startRevision);
    this.#member.wakeUp();
    return start;
  }

  cancel(watchId: number): boolean {
    return this.#stream.cancel(watchId);
  }

  credit(watchId: number, credits: number): boolean {
    const credited = this.#stream.credit(watchId, credits);
    this.#member.wakeUp();
    return credited;
  }

  whenSynced(synced: (revision: number) => void): void {
    this.#stream.whenSynced(synced);
    this.#member.wakeUp();
  }

  resume(): void {
    this.#stream.resume();
    this.#member.wakeUp();
  }

  close(): void {
    this.#stream.close();
  }
}
