import { assert } from '../core/base/assert.ts';
import { DecodeError } from '../core/base/codec.ts';
import { type Build, ClusterVersionError } from '../core/cluster-version.ts';
import { Machine } from '../core/machine.ts';
import type { MachineImage } from '../core/machine-image.ts';
import type { MachineRestorer } from '../core/machine-restorer.ts';
import type { InstallSnapshot } from '../core/raft/message.ts';
import type { SnapshotMeta } from '../core/raft/types.ts';
import { doubling, Histogram } from '../metrics/histogram.ts';
import { chunkBytesMax, type SnapshotFiles, type SnapshotWriter } from '../storage/snapshot.ts';
import type { Caller } from './callers.ts';
import type { Peer } from './peer.ts';
import type { PeerFrame } from './peer-frame.ts';
import { SnapshotSender } from './snapshot-sender.ts';

export interface SnapshotsSetup {
  readonly files: SnapshotFiles;
  /** The log must have grown by this much, or by the size of the last snapshot if that is more. */
  readonly logBytesMin: number;
  /** Size of the newest snapshot on disk. */
  readonly lastBytes: number;
  readonly build: Build;
}

export interface SnapshotsEvents {
  /** A whole snapshot arrived from the leader; Raft decides whether it is wanted. */
  received(message: InstallSnapshot): void;
  monotonicMs(): number;
  /** Streaming to a follower of the state at `index` ended. */
  finished(peer: string, index: number, ok: boolean): void;
  /** A snapshot of the own state is durable. */
  saved(saved: SavedSnapshot): void;
  failed(error: Error): void;
  wake(): void;
}

export interface SavedSnapshot {
  readonly meta: SnapshotMeta;
  /** The log is not needed up to and including this index. */
  readonly releasable: number;
  readonly bytes: number;
  readonly ms: number;
}

/** In seconds: 10 ms to 5 minutes. */
const saveSeconds = doubling(0.01, 16);

interface Saving {
  readonly sinceMs: number;
  readonly meta: SnapshotMeta;
  readonly writer: SnapshotWriter;
  readonly image: MachineImage;
  readonly chunks: Iterator<Uint8Array>;
  bytes: number;
  /** A chunk is on its way to the disk. */
  busy: boolean;
}

interface Receiving {
  readonly caller: Caller;
  readonly meta: SnapshotMeta;
  readonly term: number;
  readonly restorer: MachineRestorer;
  readonly chunks: Uint8Array[];
  next: number;
}

/**
 * Whole states: saved to disk in slices while writes go on, streamed to followers that are too far
 * behind, and received from the leader. One is saved and one is received at a time.
 */
export class Snapshots {
  readonly #files: SnapshotFiles;
  readonly #events: SnapshotsEvents;
  readonly #logBytesMin: number;
  readonly #build: Build;
  /** From the first slice to the last byte on disk, writes going on meanwhile. */
  readonly saveSeconds = new Histogram(saveSeconds);
  saved = 0;
  sent = 0;
  installed = 0;
  #lastBytes: number;
  /** The log's size when the last snapshot began. */
  #logBytesAt = 0;
  #saving: Saving | undefined;
  readonly #senders = new Map<Peer, SnapshotSender>();
  #receiving: Receiving | undefined;
  /** Received whole, waiting for Raft's word. */
  #received:
    | { caller: Caller; meta: SnapshotMeta; machine: Machine; chunks: Uint8Array[] }
    | undefined;
  /** What was received is being made durable. */
  #installing = false;
  #closed = false;

  constructor(setup: SnapshotsSetup, events: SnapshotsEvents) {
    this.#files = setup.files;
    this.#events = events;
    this.#logBytesMin = setup.logBytesMin;
    this.#build = setup.build;
    this.#lastBytes = setup.lastBytes;
  }

  /** Begins to save the state if the log has grown enough: so the disk cost of a write stays constant. */
  considerSaving(machine: Machine, now: { meta: SnapshotMeta; logBytes: number }): void {
    if (this.#saving !== undefined || this.#received !== undefined) return;
    const grown = now.logBytes - this.#logBytesAt;
    if (grown < Math.max(this.#logBytesMin, this.#lastBytes)) return;
    this.#logBytesAt = now.logBytes;
    const image = machine.image();
    this.#saving = {
      sinceMs: this.#events.monotonicMs(),
      meta: now.meta,
      writer: this.#files.create(now.meta),
      image,
      chunks: image.chunks(),
      bytes: 0,
      busy: false,
    };
    this.#events.wake();
  }

  /** One slice of whatever is going on. True when there is more to do at once. */
  step(): boolean {
    let more = false;
    for (const sender of this.#senders.values()) more = sender.step() || more;
    this.#saveChunk();
    return more;
  }

  #saveChunk(): void {
    const saving = this.#saving;
    if (saving === undefined || saving.busy) return;
    saving.busy = true;
    const next = saving.chunks.next();
    const done = (error?: Error): void => {
      saving.busy = false;
      if (this.#closed || saving !== this.#saving) return;
      if (error !== undefined) return this.#failed(error);
      if (next.done) return this.#saved(saving);
      this.#events.wake();
    };
    if (next.done) return saving.writer.finish(done);
    saving.bytes += next.value.length;
    saving.writer.write(next.value, done);
  }

  #saved(saving: Saving): void {
    this.#saving = undefined;
    this.#lastBytes = saving.bytes;
    const ms = this.#events.monotonicMs() - saving.sinceMs;
    this.saved++;
    this.saveSeconds.observe(ms / 1000);
    const { meta, bytes } = saving;
    this.#events.saved({ meta, releasable: this.#files.oldestIndex, bytes, ms });
  }

  #abortSaving(): void {
    this.#saving?.image.release();
    this.#saving?.writer.abort();
    this.#saving = undefined;
  }

  send(peer: Peer, source: ConstructorParameters<typeof SnapshotSender>[1]): void {
    this.#senders.get(peer)?.close();
    this.#senders.set(peer, new SnapshotSender(peer, source));
    this.#events.wake();
  }

  /** The link has room again. */
  drained(peer: Peer): void {
    if (this.#senders.has(peer)) this.#events.wake();
  }

  /** The follower made durable, or refused, what was streamed. */
  replied(peer: Peer, ok: boolean): void {
    this.#finished(peer, ok);
    this.#events.wake();
  }

  down(peer: Peer): void {
    this.#finished(peer, false);
  }

  #finished(peer: Peer, ok: boolean): void {
    const sender = this.#senders.get(peer);
    if (sender === undefined) return;
    sender.close();
    this.#senders.delete(peer);
    if (ok) this.sent++;
    this.#events.finished(peer.id, sender.index, ok);
  }

  /** A frame of a snapshot that somebody streams to this member. A gap or a newer begin drops what came so far. */
  receive(caller: Caller, frame: PeerFrame): void {
    switch (frame.type) {
      case 'snapshotBegin':
        // One at a time: until the last one is durable, or refused, no other is taken.
        if (this.#received !== undefined)
          return caller.answer({ type: 'snapshotReply', ok: false });
        this.#receiving = {
          caller,
          meta: frame.meta,
          term: frame.term,
          restorer: Machine.restorer(this.#build),
          chunks: [],
          next: 0,
        };
        return;
      case 'snapshotChunk':
      case 'snapshotEnd': {
        const receiving = this.#receiving;
        if (receiving?.caller !== caller) return;
        // The begin of another one was lost: what came so far is of no use, nor is this.
        if (receiving.meta.index !== frame.index) return this.#drop(receiving);
        try {
          if (frame.type === 'snapshotChunk') this.#chunk(receiving, frame);
          else this.#end(receiving, frame.count);
        } catch (error) {
          if (error instanceof ClusterVersionError) return this.#events.failed(error);
          if (!(error instanceof DecodeError)) throw error;
          this.#drop(receiving);
        }
        return;
      }
      default:
        return; // Nothing else is a request; a newer build may know more.
    }
  }

  #chunk(receiving: Receiving, frame: PeerFrame & { type: 'snapshotChunk' }): void {
    if (frame.number < receiving.next) return; // A frame that arrived twice.
    const fits = frame.chunk.length > 0 && frame.chunk.length <= chunkBytesMax;
    if (frame.number > receiving.next || !fits) return this.#drop(receiving);
    receiving.next++;
    receiving.restorer.push(frame.chunk);
    receiving.chunks.push(frame.chunk);
  }

  #drop(receiving: Receiving): void {
    this.#receiving = undefined;
    receiving.caller.answer({ type: 'snapshotReply', ok: false });
  }

  #end(receiving: Receiving, count: number): void {
    if (receiving.next !== count) return this.#drop(receiving);
    const { meta, term, caller } = receiving;
    this.#receiving = undefined;
    const machine = receiving.restorer.finish();
    this.#received = { caller, meta, machine, chunks: receiving.chunks };
    this.#events.received({
      type: 'installSnapshot',
      from: caller.memberId,
      to: '',
      term,
      snapshot: meta,
    });
  }

  /** Raft has been told of what was received: if it did not take it by now, it does not want it. */
  settleReceived(): void {
    if (this.#installing || this.#received === undefined) return;
    this.#received.caller.answer({ type: 'snapshotReply', ok: false });
    this.#received = undefined;
  }

  /** Raft wants the received snapshot: gives its machine at once, and makes it durable. */
  install(index: number, durable: () => void): Machine {
    const received = this.#received;
    assert(received?.meta.index === index, `snapshot ${index} is wanted and was not received`);
    this.#installing = true;
    // What is being saved of the old state is older than what replaces it.
    this.#abortSaving();
    const writer = this.#files.create(received.meta);
    const next = (at: number, error?: Error): void => {
      if (this.#closed) return;
      if (error !== undefined) return this.#failed(error);
      const chunk = received.chunks[at];
      if (chunk !== undefined) return writer.write(chunk, (failed) => next(at + 1, failed));
      writer.finish((failed) => {
        if (this.#closed) return;
        if (failed !== undefined) return this.#failed(failed);
        this.#installing = false;
        this.#received = undefined;
        this.installed++;
        durable();
        received.caller.answer({ type: 'snapshotReply', ok: true });
      });
    };
    next(0);
    return received.machine;
  }

  /** Gives up on followers that take nothing more; the log or a later snapshot will serve them. */
  tick(): void {
    for (const [peer, sender] of [...this.#senders]) if (sender.tick()) this.down(peer);
  }

  #failed(cause: Error): void {
    const sentence =
      `writing a snapshot into the data directory failed (${cause.message}). Nothing acknowledged ` +
      'is lost: free space there, or check the disk, then start the member again';
    this.#events.failed(new Error(sentence, { cause }));
  }

  callerLeft(caller: Caller): void {
    if (this.#receiving?.caller === caller) this.#receiving = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#abortSaving();
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
    this.#receiving = undefined;
  }
}
