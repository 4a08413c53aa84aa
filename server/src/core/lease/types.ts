import type { ByteString, LeaseId } from '@lockstep/client/protocol';

export type { ByteString, LeaseId };
export const noLease: LeaseId = '0';

/** What is replicated of a lease; immutable, replaced when it changes. */
export interface LeaseRecord {
  readonly id: LeaseId;
  /** Granted, in seconds. */
  readonly ttl: number;
  /** Seconds that were left at the last checkpoint; 0 when there was none since the grant or the last renewal. */
  readonly remaining: number;
  /** How often it was renewed: an expiry that was proposed before a renewal must not win over it. */
  readonly renewals: number;
}

/** A lease as it was when an expiry or a checkpoint was proposed. */
export interface LeaseMark {
  readonly id: LeaseId;
  readonly renewals: number;
}

/** Told of every change that a clock must follow. Calls must not throw. */
export interface LeaseObserver {
  /** Counting begins (again), with so many seconds left. */
  counts(record: LeaseRecord, seconds: number): void;
  gone(id: LeaseId): void;
}
