import type { DriverReport, Endpoint, LockStyle, StoreName, Window } from '../model.ts';

/** What a driver process is asked to do; everything in it can be sent as JSON. */
export type Job = LoadJob | WatchJob | LockJob;

/** Keep `inFlight` requests under way on each connection. */
export interface LoadJob {
  readonly kind: 'load';
  readonly system: StoreName;
  readonly operation: 'put' | 'get';
  /** One connection to each. */
  readonly endpoints: readonly Endpoint[];
  readonly inFlight: number;
  /** Requests walk round keys 0 to `keys` - 1. */
  readonly keys: number;
}

/** Hold watches on one key, and write it as fast as every connection gets the events. */
export interface WatchJob {
  readonly kind: 'watch';
  readonly system: StoreName;
  readonly writer: Endpoint;
  /** One connection to each. */
  readonly endpoints: readonly Endpoint[];
  readonly watchesPerConnection: number;
  /** So many puts may be under way: sent, but not yet delivered to every watch. */
  readonly putsUnderWay: number;
}

/** Take a lock and let it go, again and again; all workers over one connection and one lease. */
export interface LockJob {
  readonly kind: 'lock';
  readonly style: LockStyle;
  readonly endpoint: Endpoint;
  /** Each has a lock of its own. */
  readonly workers: number;
}

export type ToDriver =
  | { readonly type: 'start'; readonly job: Job }
  | { readonly type: 'stop'; readonly window: Window };

export type FromDriver =
  | { readonly type: 'running' }
  | { readonly type: 'report'; readonly report: DriverReport }
  | { readonly type: 'failed'; readonly reason: string };

/** A load that runs inside the driver process. */
export interface Task {
  /** Resolves when the load is under way. */
  start(): Promise<void>;
  /** Stops asking, waits for what is under way, and reports. */
  stop(window: Window): Promise<DriverReport>;
}
