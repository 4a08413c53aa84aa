import type { Client, WatchEvent } from '@lockstep/client';
import { Fleet } from './policy/fleet.ts';
import type { FleetKeys } from './policy/keys.ts';

/**
 * A fleet that follows its records in the store. Every moment shows all of them as they were at one revision. After a
 * compaction that it missed, the fleet is made anew.
 */
export class FleetFeed {
  readonly #keys: FleetKeys;
  readonly #client: Client;
  #fleet: Fleet;
  #revision = 0;

  constructor(client: Client, keys: FleetKeys) {
    this.#client = client;
    this.#keys = keys;
    this.#fleet = new Fleet(keys);
  }

  get fleet(): Fleet {
    return this.#fleet;
  }

  /** The revision that {@link fleet} shows; 0 while nothing was read yet. */
  get revision(): number {
    return this.#revision;
  }

  /** Follows until the signal aborts, and calls `changed` after each revision. @throws what ends a watch; the signal's reason. */
  async follow(changed: () => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#followOnce(changed, signal);
      signal.throwIfAborted();
      this.#fleet = new Fleet(this.#keys);
      this.#revision = 0;
    }
  }

  /** Returns when deletes may be missing from what was read, so that it has to begin anew. */
  async #followOnce(changed: () => void, signal: AbortSignal): Promise<void> {
    const watch = this.#client.watch({
      prefix: this.#keys.root,
      initial: true,
      onCompaction: 'relist',
      progressNotify: true,
      signal,
    });
    // A list counts when it is whole: half of one could show that somebody was granted a slot, and not who.
    const listed: WatchEvent[] = [];
    for await (const item of watch.items()) {
      if (item.type === 'relisted' && !item.complete) return;
      if (item.type === 'events' && item.isListed) {
        listed.push(...item.events);
        continue;
      }
      for (const { type, kv } of item.type === 'events' ? item.events : listed.splice(0)) {
        this.#fleet.apply(kv.key, type === 'put' ? kv.value : undefined, kv.modRevision);
      }
      this.#revision = Math.max(this.#revision, item.revision);
      changed();
    }
    signal.throwIfAborted();
  }
}
