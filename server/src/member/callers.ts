import { DecodeError } from '../core/base/codec.ts';
import type { PeerLink, PeerLinkHandler } from '../ports.ts';
import {
  decodeFrame,
  encodeFrame,
  type Introduction,
  type PeerFrame,
  type RefusalKind,
} from './peer-frame.ts';
import type { PeerTraffic } from './peer-traffic.ts';

export interface Refusal {
  readonly kind: RefusalKind;
  readonly sentence: string;
}

export interface CallerEvents {
  introduce(): Introduction;
  /** Another member dialed; a refusal in a sentence, or undefined to welcome it. */
  called(other: Introduction, to: string): Refusal | undefined;
  /** Where what goes to and fro with a member is counted; undefined for one that is not known. */
  traffic(memberId: string): PeerTraffic | undefined;
  /** Somebody who is no member yet asks who is. */
  lookedUp(caller: Caller): void;
  /** A frame from a member that was welcomed. */
  received(caller: Caller, frame: PeerFrame): void;
  left(caller: Caller): void;
}

/** The other side pings every second; one that is silent for so long is gone, or was refused and stays. */
const silentTicksMax = 40;

/** The way in from one other member: a link that it dialed and sends on. */
export class Caller {
  readonly #link: PeerLink;
  readonly #events: CallerEvents;
  #other: Introduction | undefined;
  #traffic: PeerTraffic | undefined;
  #silentTicks = 0;
  #refused = false;

  constructor(link: PeerLink, events: CallerEvents) {
    this.#link = link;
    this.#events = events;
  }

  /** Who is calling; '' before the hello. */
  get memberId(): string {
    return this.#other?.memberId ?? '';
  }

  handler(): PeerLinkHandler {
    return {
      opened: () => {},
      frame: (bytes) => this.#frame(bytes),
      drained: () => {},
      closed: () => this.#events.left(this),
    };
  }

  tick(): void {
    if (++this.#silentTicks > silentTicksMax) this.close();
  }

  #frame(bytes: Uint8Array): void {
    if (this.#refused) return;
    this.#silentTicks = 0;
    if (this.#traffic !== undefined) this.#traffic.receivedBytes += bytes.length;
    try {
      const frame = decodeFrame(bytes);
      if (this.#other !== undefined) {
        if (frame.type === 'ping') return this.answer({ type: 'pong' });
        return this.#events.received(this, frame);
      }
      if (frame.type === 'hello') return this.#hello(frame);
      if (frame.type === 'lookup') return this.#events.lookedUp(this);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    // What it says is not this protocol, or not in order.
    this.close();
  }

  #hello(frame: PeerFrame & { type: 'hello' }): void {
    const refusal = this.#events.called(frame.self, frame.to);
    if (refusal !== undefined) {
      // The other side closes when it has read why, or is closed when it stays.
      this.#refused = true;
      const { fresh } = this.#events.introduce();
      this.#link.send(encodeFrame({ type: 'refusal', ...refusal, fresh }));
      return;
    }
    this.#other = frame.self;
    this.#traffic = this.#events.traffic(frame.self.memberId);
    this.answer({ type: 'welcome', self: this.#events.introduce() });
  }

  answer(frame: PeerFrame): void {
    const bytes = encodeFrame(frame);
    if (this.#traffic !== undefined) this.#traffic.sentBytes += bytes.length;
    this.#link.send(bytes);
  }

  close(): void {
    this.#link.close();
    this.#events.left(this);
  }
}
