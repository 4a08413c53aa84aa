import { KV, Lease } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { bytes, type RawCall, rawCall } from './messages.ts';
import { field, revisionOf } from './normalise.ts';
import type { ComparedApi } from './raw-store.ts';

/** So far apart two stores may be after a difference. */
const apartMax = 5_000;
const all = { key: bytes('\0'), rangeEnd: bytes('\0') };
const put = rawCall(KV.method.put, { key: bytes('~') });
const clear = rawCall(KV.method.deleteRange, all);

/**
 * Brings both stores to one state, whatever happened in them: no lease, no watch, one key, no history,
 * and one revision, which it returns.
 */
export async function align(stores: readonly ComparedApi[]): Promise<number> {
  const revisions = await Promise.all(stores.map(empty));
  const target = Math.max(...revisions);
  const apart = target - Math.min(...revisions);
  if (apart > apartMax) throw new Error(`the revisions are ${revisions}: too far apart`);
  const ended = await Promise.all(
    stores.map(async (store, at) => {
      for (let now = revisions[at] ?? 0; now < target; ) now = await revisionAfter(store, put);
      await revisionAfter(store, clear);
      const revision = await revisionAfter(store, put);
      await revisionAfter(store, rawCall(KV.method.compact, { revision: BigInt(revision) }));
      return revision;
    }),
  );
  const [first = 0] = ended;
  if (ended.some((revision) => revision !== first)) {
    throw new Error(`the same writes ended at the revisions ${ended}`);
  }
  return first;
}

async function empty(store: ComparedApi): Promise<number> {
  await store.closeStreams();
  await revisionAfter(store, clear);
  const { answers } = await store.call(rawCall(Lease.method.leaseLeases, {}));
  const leases = field(answers[0], 'leases');
  for (const lease of Array.isArray(leases) ? leases : []) {
    // One with a short term may have ended by itself.
    await store.call(rawCall(Lease.method.leaseRevoke, { ID: String(field(lease, 'ID')) }));
  }
  return revisionAfter(store, put);
}

async function revisionAfter(store: ComparedApi, call: RawCall): Promise<number> {
  const { code, message, answers } = await store.call(call);
  if (code !== 0) throw new Error(`${store.name} cannot be cleared: ${code} ${message}`);
  return revisionOf(answers[0]);
}
