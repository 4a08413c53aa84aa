import type { MemberListResult } from '@lockstep/client/protocol';
import type { Store } from '../store.ts';
import type { Headers } from './headers.ts';

/** Who the members are. */
export class ClusterService {
  readonly #store: Store;
  readonly #headers: Headers;

  constructor(store: Store, headers: Headers) {
    this.#store = store;
    this.#headers = headers;
  }

  members(): MemberListResult {
    return { header: this.#headers.now(), members: this.#store.members() };
  }
}
