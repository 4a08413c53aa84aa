import type { LeaseId } from '@lockstep/client/protocol';
import type { ClientAuth } from '../connection/login.ts';
import type { ClientTls } from '../connection/transport.ts';

/** What a keepalive thread is told. */
export interface KeepAliveOrder {
  readonly leaseId: LeaseId;
  readonly ttlMs: number;
  readonly endpoints: readonly string[];
  readonly tls?: ClientTls | undefined;
  readonly auth?: ClientAuth | undefined;
}

/** The other thread, as this one sees it. */
export interface KeepAliveWorker {
  /**
   * How long ago the newest renewal that was answered had been sent, on both clocks, in milliseconds;
   * undefined before the first. Read from shared memory: it needs no event loop.
   */
  age(): { readonly now: number; readonly wall: number } | undefined;
  /** Calls back at each renewal, and when the lease is gone or the thread has ended. */
  listen(events: { renewed(): void; gone(): void; failed(reason: unknown): void }): void;
  stop(): void;
}
