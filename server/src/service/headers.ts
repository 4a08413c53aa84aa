import type { Header } from '@lockstep/client/protocol';
import type { Stamp, Store } from '../store.ts';

/** Makes the header of each answer. The ids never change, so the store is asked for them once. */
export class Headers {
  readonly #store: Store;
  #clusterId: string | undefined;
  #memberId = '';

  constructor(store: Store) {
    this.#store = store;
  }

  at(stamp: Stamp): Header {
    if (this.#clusterId === undefined) {
      const status = this.#store.status();
      this.#clusterId = status.clusterId;
      this.#memberId = status.memberId;
    }
    return {
      clusterId: this.#clusterId,
      memberId: this.#memberId,
      revision: stamp.revision,
      term: stamp.term,
    };
  }

  now(): Header {
    return this.at(this.#store.stamp());
  }
}
