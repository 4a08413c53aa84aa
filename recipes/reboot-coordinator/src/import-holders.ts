import {
  type CallOptions,
  type Client,
  compare,
  invalid,
  type Operation,
  op,
} from '@lockstep/client';
import type { FleetClock } from './fleet-clock.ts';
import type { Ledger } from './ledger.ts';
import { checkedGroup, checkedId } from './name.ts';
import type { FleetKeys } from './policy/keys.ts';
import type { HostRecord } from './policy/records.ts';

/** A group of another coordinator, and the hosts that hold its slots. */
export interface HoldersToImport {
  readonly group: string;
  /** How many may be down; 0 or less is imported as a pause with a limit of 1. */
  readonly max: number;
  readonly holders: readonly { readonly id: string; readonly name?: string }[];
  /** Where they come from, for the history. */
  readonly from: string;
}

export interface ImportOutcome {
  /** False when the group was declared before: its policy is kept. */
  readonly isDeclared: boolean;
  /** True when it was frozen, and is paused now by this. */
  readonly isPaused: boolean;
  /** Ids that hold a slot now. */
  readonly imported: readonly string[];
  /** Ids that have a record already, which is left as it is. */
  readonly known: readonly string[];
}

interface Place {
  readonly client: Client;
  readonly keys: FleetKeys;
  readonly clock: FleetClock;
  readonly ledger: Ledger;
  readonly by: string;
}

/** Each host is two operations, and a transaction has room for 128. */
const hostsAtOnce = 40;

/**
 * Declares the group if it is not, and records its holders as FleetLock hosts that reboot. No record that is there is
 * written over, and no grant is decided from before this.
 * @throws InvalidError when a name or an id is none; what a call can end in.
 */
export async function importHolders(
  place: Place,
  what: HoldersToImport,
  call: CallOptions = {},
): Promise<ImportOutcome> {
  checkedGroup(what.group);
  for (const { id } of what.holders) checkedId(id);
  if (!Number.isSafeInteger(what.max))
    throw invalid(`max is ${what.max}; it must be a whole number`);
  const imported: string[] = [];
  const known: string[] = [];
  let isDeclared = false;
  let isPaused = false;
  let left = what.holders;
  do {
    const some = left.slice(0, hostsAtOnce);
    left = left.slice(hostsAtOnce);
    const outcome = await importSome(place, { ...what, holders: some }, call);
    imported.push(...outcome.imported);
    known.push(...outcome.known);
    isDeclared ||= outcome.isDeclared;
    isPaused ||= outcome.isPaused;
  } while (left.length > 0);
  return { isDeclared, isPaused, imported, known };
}

async function importSome(
  { client, keys, clock, ledger, by }: Place,
  { group, max, holders, from }: HoldersToImport,
  call: CallOptions,
): Promise<ImportOutcome> {
  for (;;) {
    const guard = await client.get(keys.guard, call);
    const policy = await client.get(keys.group(group), call);
    const pause = await client.get(keys.groupPause(group), call);
    const there = await Promise.all(
      holders.map(async ({ id }) => (await client.get(keys.host(id), call)) !== undefined),
    );
    const fresh = holders.filter((_, at) => there[at] === false);
    const at = clock.now();
    const grants = Number(guard?.value ?? 0);
    const isDeclared = policy === undefined;
    const isPaused = isDeclared && max < 1 && pause === undefined;
    const success: Operation<unknown>[] = [op.put(keys.guard, String(grants + fresh.length))];
    const reason = `imported from ${from}`;
    if (isDeclared) {
      const text = JSON.stringify({ limit: { count: Math.max(1, max) } });
      success.push(op.put(keys.group(group), text));
      success.push(
        ledger.entry({ kind: 'group set', at, by, group, reason: `${reason}: ${text}` }),
      );
    }
    if (isPaused) {
      const why = `${reason}, where its limit was ${max}`;
      success.push(op.put(keys.groupPause(group), JSON.stringify({ by, reason: why, at })));
      success.push(ledger.entry({ kind: 'paused', at, by, group, reason: why }));
    }
    for (const [index, { id, name }] of fresh.entries()) {
      const grant = String(grants + index + 1);
      const record: HostRecord = {
        ...{ id, group, via: 'fleetlock', state: 'rebooting', since: at },
        ...(name === undefined ? {} : { name }),
        request: { at, reason, isAsking: false },
        grant: { id: grant, at, startBy: at },
      };
      success.push(op.put(keys.host(id), JSON.stringify(record)));
      const named = name === undefined ? {} : { name };
      const about = { host: id, ...named, group, grant, reason };
      success.push(ledger.entry({ kind: 'imported', at, by, ...about }));
    }
    const reply = await client.txn(
      {
        compare: [
          compare.modRevision(keys.guard, '=', guard?.modRevision ?? 0),
          compare.modRevision(keys.group(group), '=', policy?.modRevision ?? 0),
          compare.modRevision(keys.groupPause(group), '=', pause?.modRevision ?? 0),
          ...fresh.map(({ id }) => compare.missing(keys.host(id))),
        ],
        success,
      },
      call,
    );
    if (!reply.succeeded) continue;
    const known = holders.filter((_, at) => there[at] === true).map(({ id }) => id);
    return { isDeclared, isPaused, imported: fresh.map(({ id }) => id), known };
  }
}
