import {
  type CallOptions,
  type Client,
  compare,
  InvalidError,
  type KeyValue,
  op,
} from '@lockstep/client';
import { LimitMismatchError } from './errors.ts';
import { objectIn } from './holder.ts';

/** How much of a semaphore may be held at once, as the store has it. */
export interface StoredLimit {
  /** In force. 0 lets nobody in until it is raised. */
  readonly limit: number;
  /** What programs declare: it stays when somebody resizes, so that they may start again as they are. */
  readonly declared: number;
  readonly modRevision: number;
}

export function limitKey(name: string): string {
  return `${name}/limit`;
}

/** @throws InvalidError when something else stands in its key. */
export function limitIn(kv: KeyValue): StoredLimit {
  const { limit, declared = limit } = objectIn(kv);
  if (isLimit(limit) && isLimit(declared)) {
    return { limit, declared, modRevision: kv.modRevision };
  }
  throw new InvalidError(
    'invalid_params',
    `the key ${kv.key} holds no limit: resize the semaphore to write one`,
  );
}

/** @throws InvalidError. */
export function checkedLimit(limit: number): number {
  if (isLimit(limit)) return limit;
  throw new InvalidError(
    'invalid_params',
    `the limit is ${limit}; it must be a whole number, 0 or more`,
  );
}

function isLimit(limit: unknown): limit is number {
  return Number.isSafeInteger(limit) && (limit as number) >= 0;
}

/** @throws LimitMismatchError when a program wants another limit than the others. */
export function checkDeclared(name: string, declared: number, stored: StoredLimit): void {
  if (declared === stored.declared || declared === stored.limit) return;
  throw new LimitMismatchError(name, { declared, stored });
}

/** Writes the limit that the first program declares. Another may have been quicker. */
export async function declareLimit(
  client: Client,
  name: string,
  declared: number,
  call: CallOptions,
): Promise<void> {
  await client
    .txn()
    .if(compare.missing(limitKey(name)))
    .do(op.put(limitKey(name), encode(declared, declared)))
    .commit(call);
}

/** Sets the limit in force. @throws InvalidError; what a call can end in. */
export async function resize(
  client: Client,
  name: string,
  limit: number,
  call: CallOptions = {},
): Promise<void> {
  const key = limitKey(name);
  checkedLimit(limit);
  for (;;) {
    const kv = await client.get(key, call);
    const { declared } = kv === undefined ? { declared: undefined } : objectIn(kv);
    const { succeeded } = await client
      .txn()
      .if(compare.modRevision(key, '=', kv?.modRevision ?? 0))
      .do(op.put(key, encode(limit, isLimit(declared) ? declared : limit)))
      .commit(call);
    if (succeeded) return;
  }
}

function encode(limit: number, declared: number): string {
  return JSON.stringify({ limit, declared });
}
