/** Options of calls, as callers give them, to params of the wire. What is left out stays out. */
import {
  type DeleteRangeParams,
  type DeleteRangeResult,
  noLease,
  type PutParams,
  type PutResult,
  type RangeParams,
  type RangeResult,
} from '@lockstep/client/protocol';
import { type Bytes, KeyValue, type Selector, wireOf, wireSelector } from './key-value.ts';
import type {
  DeleteOptions,
  DeleteReply,
  PutOptions,
  RangeOptions,
  RangeReply,
} from './options.ts';

export function putParams(
  key: Bytes,
  value: Bytes | undefined,
  options: PutOptions & { readonly ignoreValue?: boolean },
): PutParams {
  const { lease = noLease } = options;
  return {
    key: wireOf(key),
    ...(value === undefined ? {} : { value: wireOf(value) }),
    ...(lease === noLease ? {} : { lease }),
    ...(options.prevKv === true ? { prevKv: true } : {}),
    ...(options.ignoreValue === true ? { ignoreValue: true } : {}),
    ...(options.ignoreLease === true ? { ignoreLease: true } : {}),
  };
}

export function rangeParams(selector: Selector, options: RangeOptions): RangeParams {
  const { sortOrder = 'none', sortTarget = 'key' } = options;
  return {
    ...wireSelector(selector),
    ...numbers(options, [
      'limit',
      'revision',
      'minModRevision',
      'maxModRevision',
      'minCreateRevision',
      'maxCreateRevision',
    ]),
    ...(options.serializable === true ? { serializable: true } : {}),
    ...(options.keysOnly === true ? { keysOnly: true } : {}),
    ...(options.countOnly === true ? { countOnly: true } : {}),
    ...(sortOrder === 'none' ? {} : { sortOrder }),
    ...(sortTarget === 'key' ? {} : { sortTarget }),
  };
}

export function deleteParams(selector: Selector, options: DeleteOptions): DeleteRangeParams {
  return {
    ...wireSelector(selector),
    ...(options.prevKv === true ? { prevKv: true } : {}),
  };
}

/** Those of the options that are numbers other than 0, which stands for "not given". */
function numbers<Name extends string>(
  options: { readonly [Each in Name]?: number },
  names: readonly Name[],
): { [Each in Name]?: number } {
  const given: { [Each in Name]?: number } = {};
  for (const name of names) {
    const value = options[name];
    if (value !== undefined && value !== 0) given[name] = value;
  }
  return given;
}

export function prevKvOf({ prevKv }: Pick<PutResult, 'prevKv'>): KeyValue | undefined {
  return prevKv === undefined ? undefined : new KeyValue(prevKv);
}

export function rangeReply(result: Omit<RangeResult, 'header'>): Omit<RangeReply, 'header'> {
  const { kvs, more, count } = result;
  return { kvs: kvs.map((wire) => new KeyValue(wire)), more, count };
}

export function deleteReply(
  result: Omit<DeleteRangeResult, 'header'>,
): Omit<DeleteReply, 'header'> {
  const { deleted, prevKvs = [], prevKvsOmitted = false } = result;
  return { deleted, prevKvs: prevKvs.map((wire) => new KeyValue(wire)), prevKvsOmitted };
}
