import type { Random } from '../../server/src/core/base/random.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import { decodeFrame, type PeerFrame } from '../../server/src/member/peer-frame.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

const appendDelayMs = 80;
/** Shorter than it takes to run for election. */
const deafMs = 900;
const repeatMs = 60;
/** In between, answers arrive as they should. */
const pauseMs = 3_000;
const snapshotDelayMs = 2_000;

/** A stream of a snapshot from one member to another. */
interface Stream {
  readonly index: number;
  /** Torn: only its begin arrives, and of the next all but the begin. Late: all of it arrives again. */
  readonly fate: 'whole' | 'torn' | 'late';
  readonly frames: (() => void)[];
}

/**
 * A network that looks at what it loses and delivers again: appends soon after, whole snapshots much later, halves of two snapshots
 * one after the other, and to a member that hears nothing new, answers to reads of before.
 */
export class LateFrames {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #asked: (host: SimHost) => void;
  readonly #streams = new Map<string, Stream>();
  /** Who hears nothing but old answers, from whom and until when. */
  #deaf = { way: '', until: 0 };

  constructor(
    world: { cluster: SimCluster; random: Random; coverage: Coverage },
    asked: (host: SimHost) => void,
  ) {
    this.#cluster = world.cluster;
    this.#random = world.random;
    this.#coverage = world.coverage;
    this.#asked = asked;
  }

  start(): void {
    this.#cluster.onSend = (from, to, frame, again) => {
      const way = `${from.name}>${to}`;
      if (this.#deaf.way === way && this.#cluster.time.now < this.#deaf.until) return false;
      return this.#passes(way, decodeFrame(frame), { to, again });
    };
  }

  end(): void {
    this.#cluster.onSend = () => true;
    this.#streams.clear();
    this.#deaf = { way: '', until: 0 };
  }

  #passes(way: string, frame: PeerFrame, sent: { to: string; again: () => void }): boolean {
    switch (frame.type) {
      case 'messages':
        this.#repeat(way, frame.messages, sent);
        return true;
      case 'snapshotBegin':
        return this.#begins(way, frame.meta.index, sent.again);
      case 'snapshotChunk':
      case 'snapshotEnd':
        return this.#goesOn(way, frame, sent.again);
      default:
        return true;
    }
  }

  #repeat(
    way: string,
    messages: readonly Message[],
    { to, again }: { to: string; again: () => void },
  ) {
    const { time } = this.#cluster;
    const isAppend = messages.some(
      (message) => message.type === 'appendRequest' && message.entries.length > 0,
    );
    if (isAppend && this.#random.oneIn(3)) time.after(this.#random.below(appendDelayMs), again);
    const isAnswer = messages.some(({ type }) => type === 'readIndexReply');
    if (!isAnswer || time.now < this.#deaf.until + pauseMs) return;
    const host = this.#cluster.hosts.find(({ address }) => address === to);
    if (host === undefined) return;
    // What is on its way arrives, and then nothing but this.
    this.#deaf = { way, until: time.now + deafMs };
    for (let delay = repeatMs; delay < deafMs; delay += repeatMs) time.after(delay, again);
    this.#asked(host);
    this.#coverage.reach('answer to a read delivered again');
  }

  #begins(way: string, index: number, again: () => void): boolean {
    const before = this.#streams.get(way);
    if (before?.fate === 'torn' && before.index !== index) {
      this.#streams.delete(way);
      this.#coverage.reach('halves of two snapshots delivered');
      return false;
    }
    const fate = this.#random.pick(['whole', 'torn', 'late'] as const);
    this.#streams.set(way, { index, fate, frames: [again] });
    return true;
  }

  #goesOn(
    way: string,
    { type, index }: { type: 'snapshotChunk' | 'snapshotEnd'; index: number },
    again: () => void,
  ): boolean {
    const stream = this.#streams.get(way);
    if (stream?.index !== index) return true;
    if (stream.fate === 'torn') return false;
    stream.frames.push(again);
    if (type === 'snapshotEnd' && stream.fate === 'late') this.#repeatLater(stream);
    return true;
  }

  #repeatLater({ frames }: Stream): void {
    const { time } = this.#cluster;
    time.after(snapshotDelayMs + this.#random.below(2 * snapshotDelayMs), () => {
      for (const [at, again] of frames.entries()) time.after(at, again);
      this.#coverage.reach('whole snapshot delivered again');
    });
  }
}
