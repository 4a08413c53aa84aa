/** Whether a command may be applied for the one who asked for it; the same answer on every member. */
import type { AuthState } from './auth/auth-state.ts';
import type { Command, Envelope } from './command.ts';
import type { LeaseTable } from './lease/lease-table.ts';
import { noLease } from './lease/types.ts';
import type { TxnRequest } from './mvcc/requests.ts';
import type { ByteString, LeaseId } from './mvcc/values.ts';

/** What no member ever does by itself. The other commands have an asker only when a user asked. */
const asked: ReadonlySet<Command['type']> = new Set([
  'put',
  'deleteRange',
  'txn',
  'leaseGrant',
  'leaseRevoke',
  'registerClient',
  'auth',
]);

/**
 * Refuses what was allowed by rights that are not in force any more, or before any were. Who asked may
 * have it decided anew.
 */
export function staleRefusal(
  auth: AuthState,
  { command, asker }: Envelope,
): 'auth_revision_old' | undefined {
  if (!auth.enabled) return undefined;
  if (asker === undefined) return asked.has(command.type) ? 'auth_revision_old' : undefined;
  return asker.authRevision === auth.revision ? undefined : 'auth_revision_old';
}

/**
 * Who attaches a key to a lease or revokes it decides over the other keys of the lease as well, and
 * must be allowed to write them. Looked at here and not only where it is proposed, because others may
 * attach keys in between.
 */
export function leaseRefusal(
  auth: AuthState,
  leases: LeaseTable,
  { command, asker }: Envelope,
): 'permission_denied' | undefined {
  if (!auth.enabled || asker === undefined) return undefined;
  const rights = auth.rights(asker.user);
  if (rights.isRoot) return undefined;
  for (const lease of leasesOf(command)) {
    for (const key of leases.keys(lease)) {
      if (!rights.permits('write', { key, rangeEnd: noEnd })) return 'permission_denied';
    }
  }
  return undefined;
}

const noEnd = '' as ByteString;

function leasesOf(command: Command): ReadonlySet<LeaseId> {
  const leases = new Set<LeaseId>();
  if (command.type === 'leaseRevoke') leases.add(command.id);
  else if (command.type === 'put') leases.add(command.lease);
  else if (command.type === 'txn') addLeases(command, leases);
  leases.delete(noLease);
  return leases;
}

/** Of all branches, those included that will not be taken. */
function addLeases(txn: TxnRequest, leases: Set<LeaseId>): void {
  for (const operation of [...txn.success, ...txn.failure]) {
    if (operation.type === 'put') leases.add(operation.request.lease);
    else if (operation.type === 'txn') addLeases(operation.request, leases);
  }
}
