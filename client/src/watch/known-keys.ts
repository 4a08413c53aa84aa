import type { WireBytes } from '@lockstep/client/protocol';
import { type KeyValue, keyId } from '../key-value.ts';
import type { WatchEvent } from './watch.ts';

/** Keys and the revision that last wrote each: what the difference to a later list is made from. */
export class KnownKeys {
  readonly #keys = new Map<string, { readonly wire: WireBytes; readonly modRevision: number }>();

  /** True when the key is known at just this revision. */
  has({ wireKey, modRevision }: KeyValue): boolean {
    return this.#keys.get(keyId(wireKey))?.modRevision === modRevision;
  }

  hasKey(wireKey: WireBytes): boolean {
    return this.#keys.has(keyId(wireKey));
  }

  set({ wireKey, modRevision }: KeyValue): void {
    this.#keys.set(keyId(wireKey), { wire: wireKey, modRevision });
  }

  take(event: WatchEvent): void {
    if (event.type === 'put') this.set(event.kv);
    else this.#keys.delete(keyId(event.kv.wireKey));
  }

  add(others: KnownKeys): void {
    for (const [id, entry] of others.#keys) this.#keys.set(id, entry);
  }

  *[Symbol.iterator](): Generator<WireBytes, void, undefined> {
    for (const { wire } of this.#keys.values()) yield wire;
  }
}
