/** Where the one connection of a client stands. */
export interface ConnectionStatus {
  readonly state: 'idle' | 'connecting' | 'connected' | 'closed';
  /** The endpoint that is used or was tried last. */
  readonly endpoint: string | undefined;
  /** Why there is no connection: the last loss or failure, with each endpoint's reason. */
  readonly reason: string | undefined;
}

/** How many changes wait for a slow reader; older ones are left out, never the newest. */
const unreadMax = 64;

interface Reader {
  readonly unread: ConnectionStatus[];
  wake: (() => void) | undefined;
}

/** The present status, and its changes for whoever reads them. */
export class ConnectionStatuses {
  readonly #readers = new Set<Reader>();
  #now: ConnectionStatus = { state: 'idle', endpoint: undefined, reason: undefined };

  get now(): ConnectionStatus {
    return this.#now;
  }

  set(next: ConnectionStatus): void {
    if (this.#now.state === 'closed') return;
    this.#now = next;
    for (const reader of this.#readers) {
      reader.unread.push(next);
      if (reader.unread.length > unreadMax) reader.unread.shift();
      reader.wake?.();
    }
  }

  /** The present status, then every change; ends when the client is closed. Throws the signal's reason. */
  async *read(signal: AbortSignal | undefined): AsyncGenerator<ConnectionStatus, void, undefined> {
    signal?.throwIfAborted();
    const reader: Reader = { unread: [this.#now], wake: undefined };
    const abort = (): void => reader.wake?.();
    this.#readers.add(reader);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        const next = reader.unread.shift();
        if (next !== undefined) {
          yield next;
          if (next.state === 'closed') return;
        } else {
          signal?.throwIfAborted();
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
          reader.wake = undefined;
        }
        signal?.throwIfAborted();
      }
    } finally {
      this.#readers.delete(reader);
      signal?.removeEventListener('abort', abort);
    }
  }
}
