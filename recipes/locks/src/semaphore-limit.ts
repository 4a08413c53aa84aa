import {
  type CallOptions,
  type Client,
  compare,
  invalid,
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
  throw invalid(`the key ${kv.key} holds no limit: resize the semaphore to write one`);
}

/** @throws InvalidError. */
export function checkedLimit(limit: number): number {
  if (isLimit(limit)) return limit;
  throw invalid(`the limit is ${limit}; it must be a whole number, 0 or more`);
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
  checkedLimit(limit);
  const resized = (current: KeyValue | undefined): string => {
    const { declared } = current === undefined ? { declared: undefined } : objectIn(current);
    return encode(limit, isLimit(declared) ? declared : limit);
  };
  await client.modify(limitKey(name), resized, call);
}

function encode(limit: number, declared: number): string {
  return JSON.stringify({ limit, declared });
}
