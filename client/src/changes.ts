/** Changes of one key that depend on what it was: a transaction each. */
import type { CallOptions } from './calls/call.ts';
import type { Client } from './client.ts';
import { ConflictError, KeyExistsError, quoted } from './errors.ts';
import { type Bytes, type KeyValue, wireOf } from './key-value.ts';
import type { PutOptions } from './options.ts';
import { compare, op } from './txn.ts';

/** What {@link modify} may answer instead of a value: the key is deleted. */
export const deleteKey: unique symbol = Symbol('delete the key');

/** Of an update: what the caller read. */
export interface UpdateOptions extends PutOptions {
  /** Write only if this revision was the last to write the key. */
  readonly ifRevision: number;
}

export interface WrittenReply {
  /** The revision of the write: the key's modRevision. */
  readonly revision: number;
}

type Steps = Pick<Client, 'txn' | 'get'>;

export async function create(
  client: Steps,
  key: Bytes,
  value: Bytes,
  options: PutOptions,
): Promise<WrittenReply> {
  const { timeoutMs: _, signal: __, ...how } = options;
  const reply = await client
    .txn()
    .if(compare.missing(key))
    .do(op.put(key, value, how))
    .else(op.get(key, { keysOnly: true }))
    .commit(options);
  if (reply.succeeded) return { revision: reply.results[0].revision };
  const { modRevision = 0 } = reply.results[0].kv ?? {};
  throw new KeyExistsError(
    `${quoted(wireOf(key))} exists, since revision ${modRevision}`,
    modRevision,
  );
}

export async function update(
  client: Steps,
  key: Bytes,
  value: Bytes,
  options: UpdateOptions,
): Promise<WrittenReply> {
  const { timeoutMs: _, signal: __, ifRevision, ...how } = options;
  const reply = await client
    .txn()
    .if(compare.modRevision(key, '=', ifRevision))
    .do(op.put(key, value, how))
    .else(op.get(key, { keysOnly: true }))
    .commit(options);
  if (reply.succeeded) return { revision: reply.results[0].revision };
  const { modRevision = 0 } = reply.results[0].kv ?? {};
  const now = modRevision === 0 ? 'is gone' : `was written at revision ${modRevision}`;
  throw new ConflictError(`${quoted(wireOf(key))} ${now}, not ${ifRevision}`, modRevision);
}

/**
 * Reads, lets `change` decide, and writes if nobody has written since; if somebody has, it begins again.
 * `change` may therefore run several times. Undefined leaves the key as it is.
 * @returns the pair as it is afterwards, as far as this client knows; undefined when there is none.
 */
export async function modify(
  client: Steps,
  key: Bytes,
  change: (
    current: KeyValue | undefined,
  ) => Promise<Bytes | typeof deleteKey | undefined> | Bytes | typeof deleteKey | undefined,
  options: CallOptions & { readonly lease?: string },
): Promise<{ readonly kv: KeyValue | undefined; readonly revision: number }> {
  const { lease, ...call } = options;
  let current = await client.get(key, call);
  for (;;) {
    const next = await change(current);
    const modRevision = current?.modRevision ?? 0;
    if (next === undefined || (next === deleteKey && current === undefined)) {
      return { kv: current, revision: modRevision };
    }
    const write =
      next === deleteKey
        ? op.delete(key)
        : op.put(
            key,
            next,
            lease === undefined ? { ignoreLease: current !== undefined } : { lease },
          );
    const reply = await client
      .txn()
      .if(compare.modRevision(key, '=', modRevision))
      .do(write, op.get(key))
      .else(op.get(key))
      .commit(call);
    if (reply.succeeded) return { kv: reply.results[1].kv, revision: reply.results[1].revision };
    current = reply.results[0].kv;
  }
}
