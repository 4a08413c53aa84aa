import assert from 'node:assert/strict';
import type { Lock } from '@lockstep/locks';

/** What somebody does with a lock while he has it. */
export interface Occupation {
  readonly who: string;
  readonly lock: Lock;
  /** How much of the room it takes. */
  readonly weight: number;
  /** When its acquisition began. */
  readonly since: number;
}

/**
 * Sees every lock that is held, and objects when more believe to hold it than there is room for. Somebody believes
 * to hold a lock until it is lost to him or he begins to release it.
 */
export class ExclusionMonitor {
  readonly #now: () => number;
  readonly #inside = new Set<Occupation>();
  /** How much room there was, and since when. */
  readonly #rooms: { readonly since: number; readonly room: number }[] = [];
  entries = 0;
  /** Entries while somebody else was inside too. */
  shared = 0;

  constructor(now: () => number, room: number) {
    this.#now = now;
    this.setRoom(room);
  }

  /** There is, or will be at any moment now, this much room. */
  setRoom(room: number): void {
    this.#rooms.push({ since: this.#now(), room });
  }

  enter(occupation: Occupation): void {
    const others = this.#believers();
    this.#inside.add(occupation);
    this.entries++;
    if (others.length > 0) this.shared++;
    const all = [...others, occupation];
    const taken = all.reduce((sum, { weight }) => sum + weight, 0);
    const room = this.#roomSince(Math.min(...all.map(({ since }) => since)));
    const names = all.map(({ who, lock, weight }) => `${who} (token ${lock.token}, ${weight})`);
    assert.ok(taken <= room, `room for ${room}, and inside at ${this.#now()}: ${names.join(', ')}`);
  }

  leave(occupation: Occupation): void {
    this.#inside.delete(occupation);
  }

  #believers(): Occupation[] {
    return [...this.#inside].filter(({ lock }) => lock.remainingMs() > 0);
  }

  /** The most there was since then: somebody may have come in just before it became less. */
  #roomSince(when: number): number {
    const before = this.#rooms.findLast(({ since }) => since <= when);
    const after = this.#rooms.filter(({ since }) => since > when);
    return Math.max(before?.room ?? 0, ...after.map(({ room }) => room));
  }
}
