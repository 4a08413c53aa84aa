/** What a request needs rights for: one walk over all of it, branches that will not be taken included. */
import { type LeaseId, noLease } from '@lockstep/client/protocol';
import type { DeleteRangeRequest, PutRequest, Store, TxnRequest } from '../store.ts';
import { authorise, authoriseKeys, authorisePut, type Caller } from './caller.ts';

/**
 * Who attaches a key to a lease decides over the lease's other keys as well. The store looks at that
 * again when the put is applied.
 * @throws TableError `permission_denied`.
 */
export function authoriseLeasedPut(
  caller: Caller,
  put: PutRequest,
  store: Pick<Store, 'leaseKeys'>,
): void {
  if (caller.permits === undefined) return;
  authorisePut(caller, put);
  if (put.lease !== noLease) authoriseLease(caller, put.lease, store);
}

/**
 * Whoever decides how long a lease lives decides it for its keys, and must be allowed to write each of them.
 * @throws TableError `permission_denied`.
 */
export function authoriseLease(caller: Caller, id: LeaseId, store: Pick<Store, 'leaseKeys'>): void {
  if (caller.permits !== undefined) authoriseKeys(caller, 'write', store.leaseKeys(id));
}

/** @throws TableError `permission_denied`. */
export function authoriseDelete(caller: Caller, request: DeleteRangeRequest): void {
  authorise(caller, 'write', request);
  if (request.prevKv) authorise(caller, 'read', request);
}

/** @throws TableError `permission_denied`. */
export function authoriseTxn(
  caller: Caller,
  request: TxnRequest,
  store: Pick<Store, 'leaseKeys'>,
): void {
  if (caller.permits === undefined) return;
  for (const compare of request.compares) authorise(caller, 'read', compare);
  for (const operation of [...request.success, ...request.failure]) {
    switch (operation.type) {
      case 'range':
        authorise(caller, 'read', operation.request);
        break;
      case 'put':
        authoriseLeasedPut(caller, operation.request, store);
        break;
      case 'deleteRange':
        authoriseDelete(caller, operation.request);
        break;
      case 'txn':
        authoriseTxn(caller, operation.request, store);
        break;
    }
  }
}
