import { platform } from '#platform';
import type { Clock } from '../clock.ts';
import { ClosedError } from '../errors.ts';
import type { ConnectionMachine, ConnectionSettings } from './connection.ts';
import {
  broken,
  type ClientTls,
  type Dial,
  endpointUrl,
  type Transport,
  type TransportEnd,
  type TransportHandler,
} from './transport.ts';

/** Calls come in the order greeted, up, frames, down, and again; after {@link Link.close} none come. */
export interface LinkHandler {
  /** The first frame of a connection, before it is used. @returns why it must not be used. */
  greeted(text: string): string | undefined;
  /** A connection is being looked for; `reason` is why the one before is gone. */
  connecting(reason: string): void;
  up(): void;
  frame(text: string): void;
  /** The open connection was lost; what was sent and not answered has an unknown fate. */
  down(end: TransportEnd): void;
}

export interface LinkOptions {
  readonly machine: ConnectionMachine;
  readonly settings: ConnectionSettings;
  readonly clock: Clock;
  /** One attempt may take this long, handshake included. */
  readonly connectTimeoutMs: number;
  /** The platform's WebSocket when absent. */
  readonly dial?: Dial | undefined;
  readonly tls?: ClientTls | undefined;
}

/** Keeps one connection open: connects, notices silence and loss, and connects again for ever. */
export class Link {
  readonly #machine: ConnectionMachine;
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #connectTimeoutMs: number;
  readonly #handler: LinkHandler;
  readonly #closing = new AbortController();
  readonly #tls: ClientTls | undefined;
  #dial: Dial | undefined;
  #started = false;
  #transport: Transport | undefined;
  #stopSilenceCheck: () => void = () => {};

  constructor(options: LinkOptions, handler: LinkHandler) {
    this.#machine = options.machine;
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#dial = options.dial;
    this.#tls = options.tls;
    this.#handler = handler;
  }

  get isUp(): boolean {
    return this.#transport !== undefined;
  }

  /** Starts connecting, once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#connect();
  }

  /** Sends on the open connection; does nothing without one. */
  send(frames: readonly string[]): void {
    this.#transport?.send(frames);
  }

  /** Leaves this member for the next endpoint; false when there is no other or no connection. */
  rotate(reason: string): boolean {
    if (this.#transport === undefined || this.#machine.endpoints.length < 2) return false;
    this.drop(reason);
    return true;
  }

  /** Gives up the open connection and connects again. */
  drop(reason: string): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    transport.close();
    this.#lost(broken(reason));
  }

  close(): void {
    this.#started = true;
    this.#closing.abort(new ClosedError());
    this.#stopSilenceCheck();
    this.#transport?.close();
    this.#transport = undefined;
  }

  /** Tries until there is a connection, or the link is closed. */
  #connect(): void {
    const { signal } = this.#closing;
    const connect = async (): Promise<void> => {
      while (!signal.aborted && !(await this.#attempt()));
    };
    // Only closing ends an attempt by throwing.
    connect().catch(() => {});
  }

  /** True when it has led to a connection. */
  async #attempt(): Promise<boolean> {
    const { endpoint, waitMs } = this.#machine.nextAttempt(this.#clock.random());
    if (waitMs > 0) await this.#wait(waitMs);
    try {
      this.#dial ??= await platform.dial();
      this.#closing.signal.throwIfAborted();
      await this.#open(this.#dial, endpointUrl(endpoint, this.#tls !== undefined));
      return true;
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      this.#machine.failed(reason);
      this.#handler.connecting(reason);
      return false;
    }
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(signal.reason);
      };
      const cancel = this.#clock.after(ms, () => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Resolves when the connection is open, rejects when it cannot be. */
  #open(dial: Dial, url: string): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve, reject) => {
      let open = false;
      const refuse = (reason: unknown): void => {
        settle();
        transport.close();
        reject(reason);
      };
      const settle = (): void => {
        cancelTimeout();
        signal.removeEventListener('abort', giveUp);
      };
      const handler: TransportHandler = {
        // A member speaks first: one that accepts connections and says nothing is none.
        opened: () => {},
        frame: (text) => {
          this.#machine.heard(this.#clock.now());
          if (open) return this.#handler.frame(text);
          const problem = this.#handler.greeted(text);
          if (problem !== undefined) return refuse(new Error(problem));
          settle();
          open = true;
          this.#opened(transport);
          resolve();
        },
        alive: () => this.#machine.heard(this.#clock.now()),
        closed: (end) => {
          if (open) return this.#lost(end);
          settle();
          reject(new Error(end.reason));
        },
      };
      const transport = dial(url, handler, this.#tls);
      const giveUp = (): void =>
        refuse(signal.aborted ? signal.reason : new Error('it did not answer in time'));
      const cancelTimeout = this.#clock.after(this.#connectTimeoutMs, giveUp);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #opened(transport: Transport): void {
    this.#transport = transport;
    this.#machine.opened(this.#clock.now());
    this.#checkSilence();
    this.#handler.up();
  }

  #checkSilence(): void {
    this.#stopSilenceCheck = this.#clock.after(this.#settings.silenceMs / 5, () => {
      const { silenceMs } = this.#settings;
      if (this.#machine.isSilent(this.#clock.now())) this.drop(`silent for ${silenceMs} ms`);
      else this.#checkSilence();
    });
  }

  #lost(end: TransportEnd): void {
    if (this.#transport === undefined) return;
    this.#transport = undefined;
    this.#stopSilenceCheck();
    this.#machine.lost(this.#clock.now(), end.reason);
    this.#handler.down(end);
    if (this.#closing.signal.aborted) return;
    this.#handler.connecting(end.reason);
    this.#connect();
  }
}
