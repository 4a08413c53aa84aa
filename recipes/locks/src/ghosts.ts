import { type CallOptions, compare, invalid, op, type Session } from '@lockstep/client';
import { holderOf } from './holder.ts';
import type { HolderOptions } from './lockable.ts';
import { isPlace } from './name.ts';
import { placesIn } from './queue.ts';

/** Somebody who may still stand in a queue after his process has ended. */
export interface Ghost {
  readonly identity: string;
  /** What the keys of the lock's places begin with. */
  readonly prefixes: readonly string[];
}

/** @throws InvalidError when there is no identity to know it by. */
export function ghostOf(
  { identity = '', replaceOwn = false }: HolderOptions,
  ...prefixes: readonly string[]
): Ghost | undefined {
  if (!replaceOwn) return undefined;
  if (identity !== '') return { identity, prefixes };
  throw invalid('replaceOwn needs an identity: without one nobody knows which places are its own');
}

/** Removes the places that the same identity has in other sessions. */
export async function removeGhosts(
  session: Session,
  { identity, prefixes }: Ghost,
  call: CallOptions,
): Promise<void> {
  for (const prefix of prefixes) {
    const kvs = await placesIn(session.client, prefix, call);
    const ghosts = kvs
      .filter((kv) => isPlace(kv, prefix))
      .map(holderOf)
      .filter((holder) => holder.identity === identity && holder.lease !== session.leaseId);
    for (const { key, token } of ghosts) {
      const isIt = compare.createRevision(key, '=', token);
      await session.client.txn().if(isIt).do(op.delete(key)).commit(call);
    }
  }
}
