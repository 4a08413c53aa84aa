/** From the params of the wire to the requests of the store, with etcd's checks in etcd's order. */
import {
  type DeleteRangeParams,
  emptyBytes,
  limits,
  noLease,
  type Once,
  type PutParams,
  type RangeParams,
  TableError,
} from '@lockstep/client/protocol';
import type { DeleteRangeRequest, PutRequest, RangeRequest, ReadOptions } from '../store.ts';
import { requestBytes, requestKey, requestRange } from './keys.ts';

/** @throws TableError as requestRange. */
export function rangeRequest(params: RangeParams, path?: string): RangeRequest {
  const range = requestRange(params, path);
  return {
    key: range.key,
    rangeEnd: range.rangeEnd,
    limit: params.limit ?? 0,
    revision: params.revision ?? 0,
    keysOnly: params.keysOnly === true,
    countOnly: params.countOnly === true,
    sortOrder: params.sortOrder ?? 'none',
    sortTarget: params.sortTarget ?? 'key',
    minModRevision: params.minModRevision ?? 0,
    maxModRevision: params.maxModRevision ?? 0,
    minCreateRevision: params.minCreateRevision ?? 0,
    maxCreateRevision: params.maxCreateRevision ?? 0,
  };
}

export function readOptions(
  params: Pick<RangeParams, 'serializable' | 'minRevision'>,
): ReadOptions {
  return {
    serializable: params.serializable === true,
    minRevision: params.minRevision ?? 0,
  };
}

/** @throws TableError `empty_key`, `value_provided`, `lease_provided`, `invalid_params`, `request_too_large`. */
export function putRequest(params: PutParams, path = 'params'): PutRequest {
  const key = requestKey(params.key, path);
  const { lease = noLease } = params;
  const value = params.value === undefined ? undefined : requestBytes(params.value, 'value', path);
  const ignoreValue = params.ignoreValue === true;
  const ignoreLease = params.ignoreLease === true;
  if (ignoreValue && value !== undefined && value.length > 0) {
    throw new TableError(
      'value_provided',
      `etcdserver: value is provided; with ignoreValue the stored one is kept, so leave ${path}.value out`,
    );
  }
  if (ignoreLease && lease !== noLease) {
    throw new TableError(
      'lease_provided',
      `etcdserver: lease is provided; with ignoreLease the stored one is kept, so leave ${path}.lease out`,
    );
  }
  if (value === undefined && !ignoreValue) {
    throw new TableError(
      'invalid_params',
      `${path}.value is missing: a put needs it unless it has ignoreValue; an empty one is ""`,
    );
  }
  return {
    key,
    value: value ?? emptyBytes,
    lease,
    prevKv: params.prevKv === true,
    ignoreValue,
    ignoreLease,
  };
}

/** @throws TableError as requestRange. */
export function deleteRangeRequest(params: DeleteRangeParams, path?: string): DeleteRangeRequest {
  const { key, rangeEnd } = requestRange(params, path);
  return { key, rangeEnd, prevKv: params.prevKv === true };
}

/** @throws TableError `request_too_large`. */
export function refuseLargeRequest(bytes: number, what: string): void {
  if (bytes <= limits.requestBytesMax) return;
  throw new TableError(
    'request_too_large',
    `etcdserver: request is too large; ${what} have ${bytes} bytes; a request may have ${limits.requestBytesMax}`,
  );
}

/** @throws TableError `invalid_params` for numbers that cannot be. */
export function checkedOnce(once: Once | undefined): Once | undefined {
  if (once === undefined) return undefined;
  if (once.sequence < 1) {
    throw new TableError(
      'invalid_params',
      `params.once.sequence counts a client's mutations from 1; got ${once.sequence}`,
    );
  }
  if (once.ackedBelow > once.sequence) {
    throw new TableError(
      'invalid_params',
      `params.once.ackedBelow is ${once.ackedBelow}, but mutation ${once.sequence} has no answer yet: ` +
        'it may be at most the sequence itself',
    );
  }
  return once;
}
