import { readFile } from 'node:fs/promises';
import { type ImportOutcome, Operator } from '@lockstep/reboot-coordinator';
import {
  type GroupElsewhere,
  type OtherCoordinator,
  readSlotsElsewhere,
} from '@lockstep/reboot-coordinator/policy';
import { exitCodes, UsageError } from '../failure.ts';
import { safe } from '../fleet/host-text.ts';
import { legible } from '../fleet/policy-options.ts';
import { type Context, print } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

export interface ImportOptions {
  readonly apply?: boolean;
  readonly group?: string;
  /** Each `THERE=HERE`. */
  readonly groupMap?: readonly string[];
}

interface Holder {
  readonly id: string;
  /** The id that the other coordinator knows, when that is another one. */
  readonly was?: string;
}

interface Plan {
  readonly group: GroupElsewhere;
  readonly holders: readonly Holder[];
}

/** `reboot import locksmith|airlock FILE`: tells what it would take over; with --apply it does. */
export async function importSlots(
  context: Context,
  from: OtherCoordinator,
  file: string,
  options: ImportOptions,
): Promise<number> {
  refuseTable(context, 'reboot import');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  });
  const names = namesOf(options.groupMap ?? []);
  const { group, apply = false } = options;
  const given = group === undefined ? { names } : { names, group };
  const groups = legible(() => readSlotsElsewhere(from, text, given));
  const plans = await Promise.all(groups.map((group) => planOf(from, group)));
  const outcomes = await withClient(context, (client) => {
    const operator = new Operator(client, { by: ourName() });
    return apply ? applied(operator, from, plans) : foreseen(operator, plans);
  });
  const { io, output } = context;
  const results = plans.map((plan, at) => ({ plan, outcome: outcomes[at] ?? nothing }));
  if (output === 'json') {
    const values = results.map(({ plan, outcome }) => ({
      ...{ group: plan.group.group, source: plan.group.source, max: plan.group.max },
      ...{ holders: plan.holders, ...outcome },
    }));
    await print(io, json({ from, applied: apply, groups: values }));
    return exitCodes.ok;
  }
  const lines = results.flatMap(({ plan, outcome }) => linesOf(plan, outcome));
  const end = apply ? 'done' : 'nothing was written: --apply does it';
  await print(io, `${[...lines, end].join('\n')}\n`);
  return exitCodes.ok;
}

const nothing: ImportOutcome = { isDeclared: false, isPaused: false, imported: [], known: [] };

function namesOf(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((one) => {
      const [, there = '', here] = /^(.*)=([^=]+)$/.exec(one) ?? [];
      if (here !== undefined) return [there, here] as const;
      throw new UsageError(
        `--group-map is "${one}"; write THERE=HERE, as in old.web=web, or =web for a group without a name`,
      );
    }),
  );
}

/** locksmith knows hosts by the machine id itself; from here on they are known by the hash of it, as to FleetLock. */
async function planOf(from: OtherCoordinator, group: GroupElsewhere): Promise<Plan> {
  const { applicationMachineId } = await import('@lockstep/reboot-coordinator/node');
  const holders = group.holders.map((id) =>
    from === 'locksmith' && /^[0-9a-f]{32}$/i.test(id)
      ? { id: applicationMachineId(id), was: id }
      : { id },
  );
  return { group, holders };
}

async function applied(
  operator: Operator,
  from: OtherCoordinator,
  plans: readonly Plan[],
): Promise<ImportOutcome[]> {
  const outcomes: ImportOutcome[] = [];
  for (const { group, holders } of plans) {
    const ids = holders.map(({ id }) => ({ id }));
    const what = { group: group.group, max: group.max, holders: ids, from };
    outcomes.push(await operator.importHolders(what));
  }
  return outcomes;
}

/** What the store holds now decides what is taken over. */
async function foreseen(operator: Operator, plans: readonly Plan[]): Promise<ImportOutcome[]> {
  const { groups, hosts } = await operator.status();
  const there = new Set(hosts.map(({ id }) => id));
  return plans.map(({ group, holders }) => {
    const found = groups.find(({ name }) => name === group.group);
    const isDeclared = found?.policy === undefined;
    const ids = holders.map(({ id }) => id);
    return {
      isDeclared,
      isPaused: isDeclared && group.max < 1 && found?.paused === undefined,
      imported: ids.filter((id) => !there.has(id)),
      known: ids.filter((id) => there.has(id)),
    };
  });
}

function linesOf({ group, holders }: Plan, outcome: ImportOutcome): string[] {
  const { max, source } = group;
  const { isDeclared, isPaused, imported } = outcome;
  const from = source === group.group ? '' : ` (there "${safe(source)}")`;
  const limit = isDeclared
    ? `declared with limit ${Math.max(1, max)}`
    : 'declared already, and kept';
  const frozen = isPaused ? `, and paused, since its limit there is ${max}` : '';
  return [
    `${safe(group.group)}${from}: ${limit}${frozen}`,
    ...(holders.length === 0 ? ['  nobody holds a slot'] : []),
    ...holders.map(({ id, was }) => {
      const as = was === undefined ? '' : ` (machine id ${safe(was)})`;
      const what = imported.includes(id)
        ? 'holds a slot, rebooting'
        : 'has a record already, which is kept';
      return `  ${safe(id)}${as}: ${what}`;
    }),
  ];
}
