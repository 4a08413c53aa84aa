import {
  arrayFromBytes,
  bytesFromArray,
  bytesFromWire,
  type KeySelector,
  type LeaseId,
  noLease,
  type WireBytes,
  type WireKeyValue,
  wireFromBytes,
} from '@lockstep/client/protocol';
import { invalid, LockstepError } from './errors.ts';

/** A key or a value as callers give it: text, or any bytes. */
export type Bytes = string | Uint8Array;

/** Which keys: one, those in [key, rangeEnd), all with a prefix, or all from a key on. */
export type Selector =
  | Bytes
  | { readonly key: Bytes; readonly rangeEnd?: Bytes }
  | { readonly prefix: Bytes }
  | { readonly fromKey: Bytes };

/** One version of a key, as it was read or as an event carries it. */
export class KeyValue {
  /** Exactly what was on the wire. */
  readonly wireKey: WireBytes;
  readonly wireValue: WireBytes;
  /** The revision that created the key (since it was last deleted). */
  readonly createRevision: number;
  /** The revision that wrote this version. */
  readonly modRevision: number;
  /** 1 when just created, one more with each write; 0 in a delete event. */
  readonly version: number;
  /** The lease the key is attached to; "0" when it has none. */
  readonly lease: LeaseId;

  constructor(wire: WireKeyValue) {
    this.wireKey = wire.key;
    this.wireValue = wire.value;
    this.createRevision = wire.createRevision;
    this.modRevision = wire.modRevision;
    this.version = wire.version;
    this.lease = wire.lease ?? noLease;
  }

  /** The key as text. @throws LockstepError `not_text` when it is not valid UTF-8. */
  get key(): string {
    return text(this.wireKey, 'key', 'keyBytes');
  }

  get keyBytes(): Uint8Array {
    return bytesOf(this.wireKey);
  }

  /** The value as text. @throws LockstepError `not_text` when it is not valid UTF-8. */
  get value(): string {
    return text(this.wireValue, 'value', 'valueBytes');
  }

  get valueBytes(): Uint8Array {
    return bytesOf(this.wireValue);
  }

  /** The wire form. */
  toJSON(): WireKeyValue {
    return {
      key: this.wireKey,
      value: this.wireValue,
      createRevision: this.createRevision,
      modRevision: this.modRevision,
      version: this.version,
      ...(this.lease === noLease ? {} : { lease: this.lease }),
    };
  }
}

/** The same for equal keys, for maps. (Half a surrogate pair begins no text, so the two forms never meet.) */
export function keyId(wire: WireBytes): string {
  return typeof wire === 'string' ? wire : `\ud800${wire.base64}`;
}

/** About what a pair takes in memory and on the wire. */
export function pairBytes({ wireKey, wireValue }: KeyValue): number {
  return 100 + lengthOf(wireKey) + lengthOf(wireValue);
}

function lengthOf(wire: WireBytes): number {
  return typeof wire === 'string' ? wire.length : wire.base64.length;
}

/** Text stays text; bytes become text where they are valid UTF-8 and base64 where not. */
export function wireOf(bytes: Bytes): WireBytes {
  return typeof bytes === 'string' ? bytes : wireFromBytes(bytesFromArray(bytes));
}

/** @throws LockstepError `invalid_params` when it names no keys. */
export function wireSelector(selector: Selector): KeySelector {
  if (typeof selector === 'string' || selector instanceof Uint8Array) {
    return { key: wireOf(selector) };
  }
  if ('prefix' in selector) return { prefix: wireOf(selector.prefix) };
  if ('fromKey' in selector) {
    // An empty key cannot be named alone; "\0" is the lowest key there can be.
    const from = selector.fromKey.length === 0 ? '\0' : wireOf(selector.fromKey);
    return { key: from, rangeEnd: '\0' };
  }
  if ('key' in selector) {
    const { key, rangeEnd } = selector;
    return rangeEnd === undefined
      ? { key: wireOf(key) }
      : { key: wireOf(key), rangeEnd: wireOf(rangeEnd) };
  }
  throw invalid(
    'the selector names no keys: give a key, { key, rangeEnd }, { prefix } or { fromKey }',
  );
}

function text(wire: WireBytes, what: string, accessor: string): string {
  if (typeof wire === 'string') return wire;
  throw new LockstepError('not_text', `the ${what} is not valid UTF-8; read .${accessor} instead`);
}

const encoder = new TextEncoder();

function bytesOf(wire: WireBytes): Uint8Array {
  if (typeof wire === 'string') return encoder.encode(wire);
  const bytes = bytesFromWire(wire);
  if (bytes === undefined) {
    throw new LockstepError('protocol_violation', 'the member sent bytes that are not base64');
  }
  return arrayFromBytes(bytes);
}
