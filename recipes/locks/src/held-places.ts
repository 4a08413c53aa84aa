import { op, type Session, WatchCompactedError } from '@lockstep/client';
import { LockLostError } from './errors.ts';
import { onLoss } from './loss.ts';
import { untilGivenUp } from './patience.ts';

/** Somebody who holds a lock, and wants to hear of its loss. */
export interface Holding {
  readonly keys: readonly string[];
  readonly token: number;
  lost(reason: LockLostError): void;
}

/** Most locks are released sooner, and need no watch. Nothing is missed meanwhile: a watch begins at the token. */
const watchAfterMs = 100;
const keysPerWatch = 64;

/**
 * All locks that are held in one session. They hear of its loss, and when somebody removes a key of theirs by
 * hand: then the lock is not held, however alive the session is. Locks share their watches, so that ten thousand
 * need some hundred and fifty.
 */
export class HeldPlaces {
  static readonly #all = new WeakMap<Session, HeldPlaces>();
  readonly #session: Session;
  readonly #held = new Map<Holding, { leave?: () => void }>();
  #unwatched: Holding[] = [];

  private constructor(session: Session) {
    this.#session = session;
    onLoss(session, () => this.#loseAll());
  }

  static of(session: Session): HeldPlaces {
    const known = HeldPlaces.#all.get(session);
    if (known !== undefined) return known;
    const made = new HeldPlaces(session);
    HeldPlaces.#all.set(session, made);
    return made;
  }

  add(holding: Holding): void {
    this.#held.set(holding, {});
    if (this.#session.lost.aborted) {
      this.#loseAll();
      return;
    }
    if (this.#unwatched.length === 0) {
      this.#session.client.clock.after(watchAfterMs, () => this.#watchNew());
    }
    this.#unwatched.push(holding);
  }

  remove(holding: Holding): void {
    const known = this.#held.get(holding);
    this.#held.delete(holding);
    known?.leave?.();
  }

  #loseAll(): void {
    const { reason } = this.#session.lost;
    const why = reason instanceof Error ? reason.message : String(reason);
    for (const holding of [...this.#held.keys()]) {
      holding.lost(new LockLostError(`the lock is lost: ${why}`, { cause: reason }));
    }
  }

  #watchNew(): void {
    const holdings = this.#unwatched.filter((holding) => this.#held.has(holding));
    this.#unwatched = [];
    let group: Holding[] = [];
    let size = 0;
    for (const holding of holdings) {
      if (size + holding.keys.length > keysPerWatch) {
        this.#watchGroup(group);
        [group, size] = [[], 0];
      }
      group.push(holding);
      size += holding.keys.length;
    }
    this.#watchGroup(group);
  }

  /** Runs until none of the group is held any more. */
  #watchGroup(group: readonly Holding[]): void {
    if (group.length === 0) return;
    const stop = new AbortController();
    const left = new Set(group);
    for (const holding of group) {
      const known = this.#held.get(holding);
      if (known === undefined) continue;
      known.leave = () => {
        left.delete(holding);
        if (left.size === 0) stop.abort();
      };
    }
    const byKey = new Map(group.flatMap((holding) => holding.keys.map((key) => [key, holding])));
    this.#watch(byKey, stop.signal).catch(() => {});
  }

  async #watch(byKey: ReadonlyMap<string, Holding>, signal: AbortSignal): Promise<void> {
    const { client } = this.#session;
    const keys = [...byKey.keys()];
    let from = Math.min(...[...byKey.values()].map(({ token }) => token)) + 1;
    const removed = (key: string): void =>
      byKey.get(key)?.lost(new LockLostError(`the lock is lost: somebody removed ${key}`));
    while (!signal.aborted) {
      try {
        const watching = { ranges: keys, startRevision: from, noPut: true, keysOnly: true, signal };
        for await (const { key } of client.watch(watching)) removed(key);
      } catch (error) {
        if (!(error instanceof WatchCompactedError)) throw error;
      }
      // History went over it, and removals with it: what is there is seen by looking, however long that takes.
      const success = keys.map((key) => op.get(key, { keysOnly: true }));
      const call = { signal, timeoutMs: untilGivenUp };
      const { results, header } = await client.txn({ success }, call);
      from = header.revision + 1;
      for (const [at, key] of keys.entries()) {
        const held = byKey.get(key);
        if (results[at]?.kv?.createRevision !== held?.token) removed(key);
      }
    }
  }
}
