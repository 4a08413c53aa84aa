/** Between the wire's keys, values and pairs and the store's. */
import {
  type ByteString,
  bytesFromWire,
  fromKeyEnd,
  type KeySelector,
  limits,
  noLease,
  prefixEnd,
  TableError,
  type WireBytes,
  type WireEvent,
  type WireKeyValue,
  wireFromBytes,
} from '@lockstep/client/protocol';
import type { KeyRange, KeyValue, WatchEvent } from '../store.ts';

/**
 * A key or value of a request as bytes [W-20]. `path` is where in the request it stands, for messages.
 * @throws TableError `invalid_params` for a lone surrogate or base64 that is not canonical.
 */
export function requestBytes(wire: WireBytes, name: string, path = 'params'): ByteString {
  const bytes = bytesFromWire(wire);
  if (bytes !== undefined) return bytes;
  throw new TableError(
    'invalid_params',
    typeof wire === 'string'
      ? `${path}.${name} holds half of a surrogate pair, which is no text; send bytes as {"base64": "..."}`
      : `${path}.${name}.base64 must be canonical base64: A-Z a-z 0-9 + / with its padding, no spaces`,
  );
}

/**
 * A key of a request.
 * @throws TableError `empty_key`, `request_too_large`, `invalid_params`.
 */
export function requestKey(wire: WireBytes, path = 'params', hint = ''): ByteString {
  const key = requestBytes(wire, 'key', path);
  if (key.length === 0) {
    throw new TableError(
      'empty_key',
      `etcdserver: key is not provided; ${path}.key must have at least one byte${hint}`,
    );
  }
  checkKeyLength(key, 'key', path);
  return key;
}

/**
 * PROTOCOL [W-22]: which keys a request means.
 * @throws TableError `empty_key`, `request_too_large`, `invalid_params`.
 */
export function requestRange(selector: KeySelector, path = 'params'): KeyRange {
  const { key, rangeEnd, prefix } = selector;
  if (prefix === undefined) {
    if (key === undefined) {
      throw new TableError('invalid_params', `one of ${path}.key and ${path}.prefix must be there`);
    }
    if (rangeEnd === undefined)
      return { key: requestKey(key, path, everyKeyHint), rangeEnd: noEnd };
    const end = requestBytes(rangeEnd, 'rangeEnd', path);
    checkKeyLength(end, 'rangeEnd', path);
    return { key: requestKey(key, path, everyKeyHint), rangeEnd: end };
  }
  if (key !== undefined || rangeEnd !== undefined) {
    const other = key === undefined ? 'rangeEnd' : 'key';
    throw new TableError(
      'invalid_params',
      `${path}.prefix and ${path}.${other} exclude each other: a prefix names its own range`,
    );
  }
  const start = requestBytes(prefix, 'prefix', path);
  if (start.length === 0) return everyKey;
  checkKeyLength(start, 'prefix', path);
  return { key: start, rangeEnd: prefixEnd(start) };
}

const everyKeyHint = '; to mean every key, ask with "prefix": ""';
const noEnd = '' as ByteString;
const everyKey: KeyRange = { key: fromKeyEnd, rangeEnd: fromKeyEnd };

function checkKeyLength(key: ByteString, name: string, path: string): void {
  if (key.length <= limits.keyBytesMax) return;
  throw new TableError(
    'request_too_large',
    `${path}.${name} has ${key.length} bytes; a key may have ${limits.keyBytesMax}`,
  );
}

/** A stored pair as the wire shows it. */
export function wirePair(kv: KeyValue): WireKeyValue {
  const { createRevision, modRevision, version, lease } = kv;
  const key = wireFromBytes(kv.key);
  const value = wireFromBytes(kv.value);
  return lease === noLease
    ? { key, value, createRevision, modRevision, version }
    : { key, value, createRevision, modRevision, version, lease };
}

export function wireEvent(event: WatchEvent): WireEvent {
  const type = event.kv.version === 0 ? 'delete' : 'put';
  const kv = wirePair(event.kv);
  if (event.prevKv === undefined) return { type, kv };
  return { type, kv, prevKv: wirePair(event.prevKv) };
}

/** Beside key and value, what a pair takes in an answer: names, revisions, punctuation. */
export const pairOverheadBytes = 100;

/** How large an answer with these pairs is, before any escaping of its text. */
export function answerBytes(kvs: readonly KeyValue[]): number {
  let bytes = 0;
  for (const kv of kvs) bytes += kv.key.length + kv.value.length + pairOverheadBytes;
  return bytes;
}
