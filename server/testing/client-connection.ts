import type { Transport, TransportHandler } from '@lockstep/client';
import { Lane } from './lane.ts';
import type { SimTime } from './sim-time.ts';

/** What travels to a client: the end of the handshake, a text frame, a ping, or the end in order. */
export type ToClient =
  | { readonly kind: 'open' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** What travels to a member: a text frame, the answer to a ping, or the end in order. */
export type ToMember =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pong' }
  | { readonly kind: 'close' };

/** The member's side of a connection. */
export interface MemberEnd {
  receive(item: ToMember): void;
  /** The client's side took an item. */
  taken(item: ToClient): void;
  /** The connection broke. */
  broken(): void;
}

export interface ConnectionOptions {
  /** The client's side. */
  readonly handler: TransportHandler;
  /** What each direction takes. */
  readonly delayMs: number;
  /** True while nothing passes, in either direction. */
  readonly isBlocked: () => boolean;
  readonly ended: (connection: ClientConnection) => void;
}

/** The member stops (RFC 6455, 7.4.1): what it left without an answer was not run. */
export const goingAway = 1001;

/** One simulated WebSocket between a client and a member. */
export class ClientConnection implements Transport {
  readonly #time: SimTime;
  readonly #options: ConnectionOptions;
  readonly #toClient: Lane<ToClient>;
  readonly #toMember: Lane<ToMember>;
  #memberEnd: MemberEnd | undefined;
  #hasEnded = false;
  /** The client hung up, or was told of the end: it hears nothing more. */
  #isDeaf = false;

  constructor(time: SimTime, options: ConnectionOptions) {
    const { delayMs, isBlocked } = options;
    this.#time = time;
    this.#options = options;
    this.#toClient = new Lane(time, { delayMs, isBlocked, deliver: (item) => this.#hear(item) });
    this.#toMember = new Lane(time, {
      delayMs,
      isBlocked,
      deliver: (item) => this.#memberEnd?.receive(item),
    });
  }

  /** False once a client has given up waiting for it. */
  get isWanted(): boolean {
    return !this.#isDeaf;
  }

  /** The member takes the connection. */
  open(memberEnd: MemberEnd): void {
    this.#memberEnd = memberEnd;
    this.sendToClient({ kind: 'open' });
  }

  /** From the client. */
  send(frames: readonly string[]): void {
    for (const text of frames) this.#toMember.send({ kind: 'text', text });
  }

  /** From the client, which hears nothing more. */
  close(): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    this.#toMember.send({ kind: 'close' });
  }

  /** From the member. */
  sendToClient(item: ToClient): void {
    if (!this.#hasEnded) this.#toClient.send(item);
  }

  /** What was held back goes on. */
  flush(): void {
    this.#toClient.flush();
    this.#toMember.flush();
  }

  /** It is gone, for both sides, with what was on its way. */
  break(reason: string): void {
    if (this.#hasEnded) return;
    this.end();
    this.#memberEnd?.broken();
    this.#time.after(this.#options.delayMs, () => this.#tell({ reason, inOrder: false }));
  }

  /** The member's side has closed, and the client's knows or need not be told. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#toClient.close();
    this.#toMember.close();
    this.#options.ended(this);
  }

  #hear(item: ToClient): void {
    const { handler } = this.#options;
    this.#memberEnd?.taken(item);
    switch (item.kind) {
      case 'open':
        if (!this.#isDeaf) handler.opened();
        return;
      case 'text':
        if (!this.#isDeaf) handler.frame(item.text);
        return;
      case 'ping':
        // The client's WebSocket answers by itself, as RFC 6455 asks.
        this.#toMember.send({ kind: 'pong' });
        if (!this.#isDeaf) handler.alive();
        return;
      case 'close': {
        this.end();
        this.#memberEnd?.broken();
        const reason = `the connection was closed (${item.code}: ${item.reason})`;
        this.#tell({ reason, inOrder: item.code === goingAway });
      }
    }
  }

  #tell(end: Parameters<TransportHandler['closed']>[0]): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    this.#options.handler.closed(end);
  }
}
