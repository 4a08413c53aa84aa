import type { Client } from '@lockstep/client';
import { type FleetPolicy, type GroupPolicy, Operator } from '@lockstep/reboot-coordinator';
import { Schedule } from '@lockstep/reboot-coordinator/policy';
import { exitCodes } from '../failure.ts';
import { safe } from '../fleet/host-text.ts';
import { fleetSettings, groupSettings, settingLines } from '../fleet/policy-lines.ts';
import {
  type FleetOptions,
  fleetChange,
  type GroupOptions,
  groupChange,
} from '../fleet/policy-options.ts';
import { type Context, print, warn } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** `reboot groups set NAME`: declares a group, or changes what is given of it. */
export async function groupsSet(
  context: Context,
  name: string,
  options: GroupOptions,
): Promise<number> {
  refuseTable(context, 'reboot groups set');
  const change = await groupChange(options);
  const [policy, fleet] = await withClient(context, async (client) => {
    const operator = operatorOf(client);
    const policy = await operator.setGroup(name, change);
    return [policy, await operator.fleetPolicy()] as const;
  });
  const { io, output } = context;
  await print(io, output === 'json' ? json({ name, ...policy }) : groupText(name, policy));
  warnOfNever(context, `the group ${name}`, [fleet, policy]);
  return exitCodes.ok;
}

/** `reboot groups get [NAME]`: the policy of one group or of all. */
export async function groupsGet(context: Context, name: string | undefined): Promise<number> {
  const groups = await withClient(context, (client) => operatorOf(client).groups());
  const { io, output } = context;
  const shown = [...groups].filter(([one]) => name === undefined || one === name);
  if (name !== undefined && shown.length === 0) {
    const names = [...groups.keys()].join(', ');
    throw new Error(
      `there is no group "${name}"; ${names === '' ? 'there is none yet' : `there are ${names}`}`,
    );
  }
  if (output === 'json') {
    const values = shown.map(([name, policy]) => ({ name, ...policy }));
    await print(io, json(name === undefined ? values : values[0]));
  } else if (output === 'table') {
    const head = ['group', ...groupSettings({ limit: { count: 1 } }).map(([name]) => name)];
    const rows = shown.map(([name, policy]) => [
      safe(name),
      ...groupSettings(policy).map(([, value]) => value),
    ]);
    await print(io, await table(io, head, rows));
  } else if (shown.length === 0) {
    await print(io, 'no group is declared: lockstep reboot groups set web --limit 1\n');
  } else {
    await print(io, shown.map(([name, policy]) => groupText(name, policy)).join('\n'));
  }
  return exitCodes.ok;
}

/** `reboot fleet set`: changes what holds for all groups together. */
export async function fleetSet(context: Context, options: FleetOptions): Promise<number> {
  refuseTable(context, 'reboot fleet set');
  const change = fleetChange(options);
  const policy = await withClient(context, (client) => operatorOf(client).setFleet(change));
  const { io, output } = context;
  await print(io, output === 'json' ? json(policy) : fleetText(policy));
  warnOfNever(context, 'the fleet', [policy]);
  return exitCodes.ok;
}

/** `reboot fleet get` */
export async function fleetGet(context: Context): Promise<number> {
  const policy = await withClient(context, (client) => operatorOf(client).fleetPolicy());
  const { io, output } = context;
  if (output === 'json') await print(io, json(policy));
  else if (output === 'table')
    await print(io, await table(io, ['setting', 'value'], fleetSettings(policy)));
  else await print(io, fleetText(policy));
  return exitCodes.ok;
}

function operatorOf(client: Client): Operator {
  return new Operator(client, { by: ourName() });
}

function groupText(name: string, policy: GroupPolicy): string {
  return `${settingLines(safe(name), groupSettings(policy)).join('\n')}\n`;
}

function fleetText(policy: FleetPolicy): string {
  return `${settingLines('the fleet', fleetSettings(policy)).join('\n')}\n`;
}

/** Windows that blackouts cover, or a date that has passed, are no mistake in themselves, and never meant. */
function warnOfNever(
  { io }: Context,
  what: string,
  calendars: readonly (FleetPolicy | GroupPolicy)[],
): void {
  const schedule = Schedule.composed(calendars.map((one) => Schedule.of(one)));
  if (schedule.neverOpens(Date.now())) {
    warn(io, `nothing in ${what} will reboot: with these windows and blackouts it never opens`);
  }
}
