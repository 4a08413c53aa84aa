import type { AliveRecord, HostRecord, Order } from './records.ts';
import { policyDefaults } from './records.ts';
import type { HostUse } from './usage.ts';

/** A host, and all that is known of it. */
export interface FleetHost {
  readonly record: HostRecord;
  /** The revision that wrote the record. */
  readonly revision: number;
  readonly alive: AliveRecord | undefined;
  readonly paused: Order | undefined;
  readonly ordered: Order | undefined;
}

/** What the host takes from the budgets. An agent that fell silent counts as down, whoever planned it or not. */
export function useOf({ record, alive }: FleetHost): HostUse {
  if (record.grant !== undefined) {
    return record.state === 'overdue' || record.state === 'failed' ? 'lost' : 'busy';
  }
  return record.via === 'agent' && alive === undefined ? 'lost' : 'up';
}

/** Where it stands in line: since its record is as it is, if nothing says otherwise. */
export function placeOf({ record, revision }: FleetHost): number {
  return record.request?.place ?? revision;
}

/** Whether it has rebooted too often for one cause. */
export function isQuarantined(
  { loop }: HostRecord,
  bootsMax: number = policyDefaults.bootsMax,
): boolean {
  return loop !== undefined && loop.boots >= bootsMax;
}

/** Whether somebody is there to use a slot. */
export function isThere({ record, alive }: FleetHost): boolean {
  if (record.via === 'agent') return alive !== undefined;
  return record.request?.isAsking === true;
}
