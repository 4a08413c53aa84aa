/** What the store takes from the wire's vocabulary: types, and the two constants that go with them. */
import type { ByteString, LeaseId } from '@lockstep/client/protocol';

export type { ByteString, LeaseId };
export const emptyBytes = '' as ByteString;
export const noLease: LeaseId = '0';
