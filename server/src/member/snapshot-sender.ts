import type { Machine } from '../core/machine.ts';
import type { MachineImage } from '../core/machine-image.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import type { Peer } from './peer.ts';

/** Chunks wait here, not in the socket, while this much is unsent. */
const queuedBytesMax = 1024 * 1024;
/** A follower that takes or answers nothing for so long is asked anew; one that is still saving says no to that. */
const idleTicksMax = 50;

/**
 * Streams the state as of its start to a follower that is too far behind for the log, chunk by
 * chunk as the link drains, while writes go on.
 */
export class SnapshotSender {
  readonly #peer: Peer;
  /** Where the state stands in the log. */
  readonly index: number;
  readonly #image: MachineImage;
  readonly #chunks: Iterator<Uint8Array>;
  #sent = 0;
  #ended = false;
  #idleTicks = 0;

  constructor(peer: Peer, source: { term: number; meta: SnapshotMeta; machine: Machine }) {
    this.#peer = peer;
    this.index = source.meta.index;
    this.#image = source.machine.image();
    this.#chunks = this.#image.chunks();
    peer.send({ type: 'snapshotBegin', term: source.term, meta: source.meta });
  }

  /** Sends one chunk if the link has room. True when it should be called again soon. */
  step(): boolean {
    if (this.#ended || this.#peer.queuedBytes() > queuedBytesMax) return false;
    const next = this.#chunks.next();
    if (next.done) {
      this.#ended = true;
      this.#peer.send({ type: 'snapshotEnd', index: this.index, count: this.#sent });
      return false;
    }
    const chunk = { index: this.index, number: this.#sent++, chunk: next.value };
    this.#peer.send({ type: 'snapshotChunk', ...chunk });
    this.#idleTicks = 0;
    return true;
  }

  /** Nothing more is sent. Idempotent. */
  close(): void {
    this.#ended = true;
    this.#image.release();
  }

  /** True when the follower has taken nothing for too long. */
  tick(): boolean {
    return ++this.#idleTicks > idleTicksMax;
  }
}
