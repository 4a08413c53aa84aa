import type { ByteString, LeaseId } from './values.ts';

/** What the store tells whoever keeps the leases: which keys hang on which. */
export interface LeaseBook {
  has(id: LeaseId): boolean;
  attach(id: LeaseId, key: ByteString): void;
  detach(id: LeaseId, key: ByteString): void;
}
