import { HostRefusedError } from './errors.ts';
import type { Circumstances } from './policy/blocks.ts';
import { PolicyError } from './policy/fault.ts';
import type { Fleet } from './policy/fleet.ts';
import type { RebootRequest } from './policy/records.ts';
import { asked, type HostFacts, inPlace, registered } from './policy/slots.ts';
import { type HostStatus, statusOf } from './policy/status.ts';

/** What a host would be told that registered with these facts and asked for a reboot now, last in line. */
export interface Foreseen {
  readonly facts: HostFacts;
  /** Undefined when it needs no reboot. */
  readonly wish?: Pick<RebootRequest, 'reason' | 'target'> | undefined;
}

/**
 * Changes the fleet that is handed over, which is a copy of what the store holds and is thrown away.
 * @throws HostRefusedError when the host would be refused.
 */
export function foresee(fleet: Fleet, { facts, wish }: Foreseen, what: Circumstances): HostStatus {
  const { id } = facts;
  const host = fleet.hosts.get(id);
  // What would be written now comes after everything that is there.
  const revision = Number.MAX_SAFE_INTEGER;
  try {
    const known = registered(host?.record, facts, what.now).record;
    const place = host?.revision ?? revision;
    const next = wish === undefined ? undefined : asked(known, wish, what.now);
    const { record } = next === undefined ? { record: known } : inPlace(host?.record, place, next);
    const key = fleet.keys.host(id);
    fleet.apply(key, JSON.stringify(record), next === undefined ? place : revision);
    const alive = { bootId: facts.bootId ?? 'unknown', instance: 'foreseen' };
    fleet.apply(fleet.keys.alive(id), JSON.stringify(alive), revision);
  } catch (error) {
    throw error instanceof PolicyError ? new HostRefusedError(error.message) : error;
  }
  const found = statusOf(fleet, what).hosts.find((one) => one.id === id);
  if (found === undefined)
    throw new HostRefusedError(`the record of the host ${id} cannot be read`);
  return found;
}
