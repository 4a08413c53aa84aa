import { DecodeError } from '../core/base/codec.ts';
import type { Message } from '../core/raft/message.ts';
import type { PeerLink, PeerNetwork } from '../ports.ts';
import { decodeFrame, encodeFrame, type Introduction, type PeerFrame } from './peer-frame.ts';
import { PeerTraffic } from './peer-traffic.ts';

/** Unsent bytes to one peer beyond which Raft messages are dropped; Raft sends again what matters. */
const queuedBytesMax = 32 * 1024 * 1024;
/** One frame of messages is closed at about this size. */
const frameBytesMax = 2 * 1024 * 1024;
const redialTicksMax = 10;
const pingTicks = 10;
/** A link on which the other side said nothing for so long is given up: it may be dead without a sign. */
const silentTicksMax = 40;

export interface PeerEvents {
  /** Never goes back. */
  monotonicMs(): number;
  /** How this member introduces itself. */
  introduce(): Introduction;
  /** The other side answered; a sentence refuses it. */
  greeted(peer: Peer, other: Introduction): string | undefined;
  refused(peer: Peer, refusal: PeerFrame & { type: 'refusal' }): void;
  up(peer: Peer): void;
  down(peer: Peer): void;
  /** A frame that answers something sent on this link. */
  answer(peer: Peer, frame: PeerFrame): void;
  drained(peer: Peer): void;
}

/**
 * The way out to one other member: a link this member dials and sends on. (What the other sends
 * arrives on the link that it dials.) Redials for ever, with pauses that grow to a second.
 */
export class Peer {
  readonly id: string;
  readonly address: string;
  readonly traffic = new PeerTraffic();
  readonly #network: PeerNetwork;
  readonly #events: PeerEvents;
  #link: PeerLink | undefined;
  #state: 'down' | 'greeting' | 'up' = 'down';
  #messages: Message[] = [];
  #redialInTicks = 0;
  #redialPause = 1;
  #silentTicks = 0;
  /** When the ping left that is not answered yet. */
  #pingedAtMs: number | undefined;
  #lastQueued = 0;
  /** Why the last link failed or was refused, for status and messages. */
  problem = '';

  constructor(target: { id: string; address: string }, network: PeerNetwork, events: PeerEvents) {
    this.id = target.id;
    this.address = target.address;
    this.#network = network;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  tick(): void {
    if (this.#link !== undefined) return this.#checkLink();
    if (--this.#redialInTicks > 0) return;
    this.#dial();
  }

  #checkLink(): void {
    // On a slow link the answer to a ping stands behind much else; as long as that moves, it lives.
    const queued = this.queuedBytes();
    if (queued < this.#lastQueued) this.#silentTicks = 0;
    this.#lastQueued = queued;
    this.#silentTicks++;
    if (this.#silentTicks > silentTicksMax) this.hangUp('the other side is silent');
    else if (this.#silentTicks % pingTicks === 0) this.#ping();
  }

  #ping(): void {
    // The answer to the second of two could not be told from that to the first.
    this.#pingedAtMs ??= this.#events.monotonicMs();
    this.send({ type: 'ping' });
  }

  #ponged(): void {
    if (this.#pingedAtMs === undefined) return;
    this.traffic.roundTrip.observe((this.#events.monotonicMs() - this.#pingedAtMs) / 1000);
    this.#pingedAtMs = undefined;
  }

  /** The other side is there: no need to wait for the next try. */
  hurry(): void {
    this.#redialInTicks = 0;
    this.#redialPause = 1;
  }

  #dial(): void {
    this.#redialInTicks = this.#redialPause;
    this.#redialPause = Math.min(this.#redialPause * 2, redialTicksMax);
    const link = this.#network.dial(this.address, {
      opened: () => this.#opened(link),
      frame: (bytes) => this.#frame(link, bytes),
      drained: () => this.#events.drained(this),
      closed: (reason) => this.#closed(link, reason),
    });
    this.#link = link;
    this.#state = 'greeting';
    this.#silentTicks = 0;
    this.#pingedAtMs = undefined;
  }

  #opened(link: PeerLink): void {
    this.#send(link, { type: 'hello', to: this.id, self: this.#events.introduce() });
  }

  #frame(link: PeerLink, bytes: Uint8Array): void {
    if (link !== this.#link) return;
    this.#silentTicks = 0;
    this.traffic.receivedBytes += bytes.length;
    try {
      this.#receive(decodeFrame(bytes));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.hangUp(`an unreadable frame: ${error.message}`);
    }
  }

  #receive(frame: PeerFrame): void {
    if (frame.type === 'refusal') {
      this.hangUp(frame.sentence);
      return this.#events.refused(this, frame);
    }
    if (frame.type === 'pong') return this.#ponged();
    if (frame.type !== 'welcome') return this.#events.answer(this, frame);
    const problem = this.#events.greeted(this, frame.self);
    if (problem !== undefined) return this.hangUp(problem);
    this.#state = 'up';
    this.#redialPause = 1;
    this.problem = '';
    this.#events.up(this);
  }

  #closed(link: PeerLink, reason: string): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    const wasUp = this.#state === 'up';
    this.#state = 'down';
    this.traffic.sendFailures += this.#messages.length;
    this.#messages = [];
    this.problem ||= reason;
    if (wasUp) this.#events.down(this);
  }

  /** Closes the link; it will be dialed again. */
  hangUp(reason: string): void {
    const link = this.#link;
    if (link === undefined) return;
    this.problem = reason;
    link.close();
    this.#closed(link, reason);
  }

  /** Queues a Raft message for the end of the turn; dropped while the link is down or too full. */
  post(message: Message): void {
    if (this.#state === 'up') this.#messages.push(message);
    else this.traffic.sendFailures++;
  }

  /** Sends what was posted in this turn. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    const link = this.#link;
    if (link === undefined || link.queuedBytes() > queuedBytesMax) {
      this.traffic.sendFailures += messages.length;
      return;
    }
    let first = 0;
    let bytes = 0;
    messages.forEach((message, at) => {
      bytes += sizeOf(message);
      if (bytes < frameBytesMax && at < messages.length - 1) return;
      this.#send(link, { type: 'messages', messages: messages.slice(first, at + 1) });
      first = at + 1;
      bytes = 0;
    });
  }

  /** Sends a frame at once. False when the link is not up. */
  send(frame: PeerFrame): boolean {
    if (this.#state !== 'up' || this.#link === undefined) return false;
    this.#send(this.#link, frame);
    return true;
  }

  #send(link: PeerLink, frame: PeerFrame): void {
    const bytes = encodeFrame(frame);
    this.traffic.sentBytes += bytes.length;
    link.send(bytes);
  }

  queuedBytes(): number {
    return this.#link?.queuedBytes() ?? 0;
  }
}

function sizeOf(message: Message): number {
  switch (message.type) {
    case 'appendRequest':
      return message.entries.reduce((sum, { payload }) => sum + payload.length + 16, 64);
    case 'forwardedProposal':
      return message.payloads.reduce((sum, { length }) => sum + length + 8, 64);
    default:
      return 64;
  }
}
