import { everything, firstKey, noKey } from './key-space.ts';
import type { Answer, Call, ComparedStore, Put } from './model.ts';

/** So far apart two stores may be after a difference. */
const apartMax = 5_000;

const put: Put = {
  kind: 'put',
  key: firstKey,
  value: noKey,
  lease: '0',
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
};

/**
 * Brings both stores to one state, whatever happened in them: no lease, no watch, one key, no history,
 * and one revision, which it returns. A run that begins so means the same at every revision.
 */
export async function align(stores: readonly ComparedStore[]): Promise<number> {
  const revisions = await Promise.all(stores.map(clear));
  const target = Math.max(...revisions);
  const lowest = Math.min(...revisions);
  if (target - lowest > apartMax) throw new Error(`the revisions are ${revisions}: too far apart`);
  const ended = await Promise.all(
    stores.map(async (store, at) => {
      let revision = revisions[at] ?? 0;
      while (revision < target) revision = await revisionAfter(store, put);
      await revisionAfter(store, { kind: 'deleteRange', ...everything, prevKv: false });
      revision = await revisionAfter(store, put);
      await revisionAfter(store, { kind: 'compact', revision, physical: false });
      return revision;
    }),
  );
  const [first = 0] = ended;
  if (ended.some((revision) => revision !== first)) {
    throw new Error(`the same writes ended at the revisions ${ended}`);
  }
  return first;
}

/** @returns the revision after at least one more write. */
async function clear(store: ComparedStore): Promise<number> {
  await store.closeWatches();
  await revisionAfter(store, { kind: 'deleteRange', ...everything, prevKv: false });
  const leases = await store.call({ kind: 'leases' });
  if (leases.kind !== 'leases') throw unexpected(store, leases);
  for (const id of leases.ids) {
    const answer = await store.call({ kind: 'revoke', id });
    // One with a short TTL may have ended by itself.
    if (answer.kind !== 'revoke' && answer.kind !== 'refused') throw unexpected(store, answer);
  }
  return revisionAfter(store, put);
}

async function revisionAfter(store: ComparedStore, call: Call): Promise<number> {
  const answer = await store.call(call);
  if (!('revision' in answer)) throw unexpected(store, answer);
  return answer.revision;
}

function unexpected(store: ComparedStore, answer: Answer): Error {
  return new Error(`${store.name} cannot be cleared: it answered ${JSON.stringify(answer)}`);
}
