import { slotsOf } from './limit.ts';
import type { Limit } from './records.ts';

/** How much of something is in use: of a group, a zone or the fleet. */
export class Usage {
  /** Hosts that are registered. */
  hosts = 0;
  /** Those that hold a slot and are not lost. */
  busy = 0;
  /** Failed, overdue, or silent without a slot: down, and nobody planned it. */
  lost = 0;

  add(kind: HostUse, by: 1 | -1): void {
    this.hosts += by;
    if (kind === 'busy') this.busy += by;
    if (kind === 'lost') this.lost += by;
  }

  /** How many slots are taken, when so many of the lost take up none. */
  taken(writeOff: number): number {
    return this.busy + Math.max(0, this.lost - writeOff);
  }

  /** How many slots there are. */
  slots(limit: Limit): number {
    return slotsOf(limit, this.hosts);
  }

  isFull(limit: Limit | undefined, writeOff: number): boolean {
    return limit !== undefined && this.taken(writeOff) >= this.slots(limit);
  }
}

/** What a host takes from the budget of its group, its zone and the fleet. */
export type HostUse = 'up' | 'busy' | 'lost';
