import type { KeepAliveOrder, KeepAliveWorker } from '../session/keep-alive-worker.ts';
import type { Dial } from './transport.ts';

/**
 * What differs between runtimes. `#platform` in this package's `imports` is one of two files, chosen by
 * the runtime or bundler, so that a browser never sees Node's.
 */
export interface Platform {
  dial(): Promise<Dial>;
  /** A channel of Node's `diagnostics_channel`. */
  channel(name: string): Channel;
  /** Keeps a lease alive from another thread; undefined where that is not offered. */
  readonly keepAliveWorker: ((order: KeepAliveOrder) => Promise<KeepAliveWorker>) | undefined;
}

export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}
