import type { Fleet } from './fleet.ts';
import type { FleetGroup } from './fleet-group.ts';
import type { FleetHost } from './fleet-host.ts';
import { policyDefaults } from './records.ts';
import { gaveBack, overdue, type Step } from './slots.ts';

/** A host whose time is over, and what becomes of it. */
export interface Due {
  readonly host: FleetHost;
  readonly step: Step;
}

/**
 * What the time alone does to those who hold a slot: one that was not used in time goes back, and a host that is not
 * back in time is overdue. An overdue host keeps its slot; nothing but evidence or an operator frees it.
 */
export function dueOf(
  fleet: Fleet,
  now: number,
): { readonly now: readonly Due[]; readonly next: number | undefined } {
  const due: Due[] = [];
  let next: number | undefined;
  for (const group of fleet.groups.values()) {
    for (const host of group.holders.values()) {
      const at = deadlineOf(host, group);
      if (at === undefined) continue;
      if (now > at) due.push({ host, step: stepOf(host, now) });
      else next = Math.min(next ?? at + 1, at + 1);
    }
  }
  return { now: due, next };
}

function deadlineOf({ record }: FleetHost, { policy }: FleetGroup): number | undefined {
  const { grant, state } = record;
  if (grant === undefined) return undefined;
  if (state === 'granted') return grant.startBy;
  if (state !== 'draining' && state !== 'rebooting' && state !== 'verifying') return undefined;
  return grant.at + (policy?.overdueAfterMs ?? policyDefaults.overdueAfterMs);
}

function stepOf({ record }: FleetHost, now: number): Step {
  const { grant } = record;
  if (record.state !== 'granted' || grant === undefined) return overdue(record, now);
  return gaveBack(record, {
    grant: grant.id,
    at: now,
    reason: 'it did not begin in time',
    notBefore: now + policyDefaults.retryAfterMs,
    isAsking: record.via === 'agent',
  });
}
