import type { AuthView, KeyRange, Store } from '../store.ts';
import { authorise, type Caller } from './caller.ts';
import type { Gate } from './gate.ts';

export interface WatchRightsSetup {
  readonly store: Store;
  readonly gate: Gate;
}

/** Who watches what, to ask again when rights change; of watches that were begun while nobody was asked too. */
export class WatchRights {
  readonly #setup: WatchRightsSetup;
  readonly #reads = new Map<number, { caller: Caller; ranges: readonly KeyRange[] }>();
  /** By which the watches were last allowed. */
  #rights: AuthView;

  constructor(setup: WatchRightsSetup) {
    this.#setup = setup;
    this.#rights = setup.store.auth();
  }

  /** @throws TableError for who may not watch that now. */
  decide(caller: Caller, ranges: readonly KeyRange[]): void {
    const now = this.#setup.gate.enter(caller);
    for (const range of ranges) authorise(now, 'read', range);
  }

  /** A watch that was decided. */
  add(watchId: number, caller: Caller, ranges: readonly KeyRange[]): void {
    this.#reads.set(watchId, { caller, ranges });
  }

  forget(watchId: number): void {
    this.#reads.delete(watchId);
  }

  clear(): void {
    this.#reads.clear();
  }

  /**
   * The watches that their callers may not have any more. To be asked before anything is delivered, so
   * that no event is shown that came after the right to see it was gone; it costs one comparison while rights stay.
   */
  lost(): readonly number[] {
    const rights = this.#setup.store.auth();
    if (rights === this.#rights) return none;
    this.#rights = rights;
    return [...this.#reads]
      .filter(([, { caller, ranges }]) => !this.#mayRead(caller, ranges))
      .map(([watchId]) => watchId);
  }

  /** A token that has run out since does not end a watch: what it proved stays true until rights change. */
  #mayRead(caller: Caller, ranges: readonly KeyRange[]): boolean {
    const { identity } = caller;
    const lasting = identity && { ...identity, expiresAtMs: undefined };
    try {
      this.decide({ ...caller, identity: lasting }, ranges);
      return true;
    } catch {
      return false;
    }
  }
}

const none: readonly number[] = [];
