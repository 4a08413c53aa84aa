import type { Endpoint, LockStyle } from '../model.ts';
import { openEtcdLocks } from './etcd-locks.ts';
import { openLockstepLocks } from './lockstep-locks.ts';
import { openRedlock } from './redlock.ts';

/** A lock that is held. */
export interface HeldLock {
  release(): Promise<unknown>;
  /** Aborts when the holder can no longer be sure; of those that tell. */
  readonly lost?: AbortSignal;
}

/** One connection that takes locks. */
export interface LockClient {
  /** Waits until the lock is held. */
  acquire(name: string): Promise<HeldLock>;
  /** Another that may wait for the same name, over the same connection. */
  another(): Promise<LockClient>;
  /** How many changes to the store one acquisition and release make, as its revision counts them. */
  readonly changesPerCycle: number;
  close(): Promise<void>;
}

export interface LockClientOptions {
  readonly endpoint: Endpoint;
  /** Of the lease, in seconds. */
  readonly ttl: number;
  /** Told for how many watches each notification is; of Lockstep only, since the others watch inside the server or not at all. */
  readonly counted?: (watches: number) => void;
}

export function openLockClient(style: LockStyle, options: LockClientOptions): Promise<LockClient> {
  if (style === 'mutex') return openLockstepLocks(options);
  if (style === 'redlock') return openRedlock(options);
  return openEtcdLocks(style, options);
}
