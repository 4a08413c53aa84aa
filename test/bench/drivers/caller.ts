/** The most requests a {@link Caller} may have in flight: a slot is one decimal digit on the wire. */
export const slotsMax = 10;

/** One connection that sends prepared requests. */
export interface Caller {
  /** Queues prepared request number `request`; `slot` comes back with the answer. */
  send(slot: number, request: number): void;
  /** Hands what is queued to the operating system in one call. */
  flush(): void;
  close(): void;
}

export interface CallerEvents {
  /** The connection takes requests. */
  ready(): void;
  /** Requests sent from inside are flushed together when the whole read has been handled. */
  answered(slot: number): void;
  /** The connection is lost or the server refused a request; nothing more will come. */
  failed(reason: string): void;
}

/** One connection that holds watches on one key. */
export interface Watcher {
  close(): void;
}

export interface WatcherEvents {
  /** All watches of the connection are in place. */
  ready(): void;
  /** So many (event, watch) pairs arrived together. */
  events(count: number): void;
  failed(reason: string): void;
}
