import type { Endpoint, LockStyle } from '../model.ts';

/** What a contender is told to do. Each order is answered once, with a number. */
export type Order =
  /** Answered when so many connections are open. `counts`: count what comes over watches. */
  | {
      readonly do: 'open';
      readonly style: LockStyle;
      readonly endpoint: Endpoint;
      readonly ttl: number;
      readonly connections: number;
    }
  /** Answered when the lock is held, with that moment. */
  | { readonly do: 'acquire'; readonly name: string }
  /** Answered when the lock is let go, with the moment before that. */
  | { readonly do: 'release'; readonly name: string }
  /** Answered when the holder has been told that the lock may be somebody else's, with that moment. */
  | { readonly do: 'notice loss'; readonly name: string }
  /** So many begin to wait for one lock. Answered at once. */
  | { readonly do: 'queue'; readonly name: string; readonly waiters: number }
  /** Answered when one more of those in the queue holds the lock, with that moment. */
  | { readonly do: 'see next' }
  /** Whoever of the queue holds the lock lets it go. Answered at once, with that moment. */
  | { readonly do: 'let go' }
  /** From now on each lets it go at once. Answered when all have had it, with that moment. */
  | { readonly do: 'drain' }
  /** How many notifications have come over watches, once for each watch. */
  | { readonly do: 'count events' }
  /** Takes so many locks and keeps them. Answered with the milliseconds it took. */
  | { readonly do: 'take'; readonly count: number; readonly inFlight: number }
  /** Takes one lock and lets it go, so often. Answered with the median milliseconds of the last of `count`. */
  | { readonly do: 'cycle'; readonly name: string; readonly count: number };

/** A moment is in milliseconds of the machine's monotonic clock, which all its processes share. */
export function moment(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export interface Numbered {
  readonly id: number;
  readonly order: Order;
}

export interface Answer {
  readonly id: number;
  readonly value?: number;
  readonly failure?: string;
}
