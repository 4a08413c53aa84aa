import { type ByteString, emptyBytes, type LeaseId, noLease } from './values.ts';

/** One version of a key; immutable and shared by histories, the event log, replies and watchers. A `version` of 0 is a tombstone. */
export interface KeyValue {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: LeaseId;
}

export function isTombstone(kv: KeyValue): boolean {
  return kv.version === 0;
}

export function tombstone(key: ByteString, revision: number): KeyValue {
  return {
    key,
    value: emptyBytes,
    createRevision: 0,
    modRevision: revision,
    version: 0,
    lease: noLease,
  };
}

/** The version that a put at `revision` writes over `previous`. */
export function successor(
  previous: KeyValue | undefined,
  put: { key: ByteString; value: ByteString; lease: LeaseId },
  revision: number,
): KeyValue {
  const fresh = previous === undefined || isTombstone(previous);
  return {
    // The string that is there already is kept, so that a key costs its bytes once.
    key: previous?.key ?? put.key,
    value: put.value,
    createRevision: fresh ? revision : previous.createRevision,
    modRevision: revision,
    version: fresh ? 1 : previous.version + 1,
    lease: put.lease,
  };
}

/** The pair as an answer shows it that leaves values out. */
export function withoutValue(kv: KeyValue): KeyValue {
  return { ...kv, value: emptyBytes };
}

/**
 * Bytes of memory that a version is estimated to take: its object, its places in the index and the
 * event log, and its value. The key's own bytes are shared by all versions.
 */
export function versionBytes(kv: KeyValue): number {
  return versionOverheadBytes + kv.value.length;
}

/** A key's string and its place in the index. */
export function keyBytes(key: ByteString): number {
  return keyOverheadBytes + key.length;
}

// Measured on Node 20 with a million keys: objects of 72 bytes, strings of 16 and their characters.
const versionOverheadBytes = 112;
const keyOverheadBytes = 56;
