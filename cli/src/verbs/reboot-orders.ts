import { Operator, type Scope } from '@lockstep/reboot-coordinator';
import { exitCodes, UsageError } from '../failure.ts';
import { safe } from '../fleet/host-text.ts';
import { type Context, print } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

export interface TargetOptions {
  readonly all?: boolean;
  readonly group?: string;
  readonly host?: string;
  readonly reason?: string;
}

export interface ReasonOption {
  readonly reason?: string;
}

/** `reboot pause`: nothing more is granted to a host, a group or all. */
export async function pause(context: Context, options: TargetOptions): Promise<number> {
  return toTarget(context, 'pause', options, {
    order: (operator, scope, reason) => operator.pause(scope, reason),
    done: 'is paused: who has not gone down yet gives its slot back',
  });
}

/** `reboot resume`: ends a pause, closes breakers and ends a quarantine. */
export async function resume(context: Context, options: TargetOptions): Promise<number> {
  return toTarget(context, 'resume', options, {
    order: (operator, scope, reason) => operator.resume(scope, reason),
    done: 'goes on',
  });
}

interface Order {
  readonly order: (operator: Operator, scope: Scope, reason: string) => Promise<void>;
  readonly done: string;
}

async function toTarget(
  context: Context,
  verb: string,
  options: TargetOptions,
  { order, done }: Order,
): Promise<number> {
  refuseTable(context, `reboot ${verb}`);
  const { all = false, group, host, reason = '' } = options;
  const given = [all ? true : undefined, group, host].filter((one) => one !== undefined);
  if (given.length !== 1) {
    const what = given.length === 0 ? 'names nobody' : 'names more than one';
    throw new UsageError(`"reboot ${verb}" ${what}: give one of --host, --group and --all`);
  }
  const scope = await withOperator(context, async (operator) => {
    const scope: Scope =
      group !== undefined
        ? { group }
        : host !== undefined
          ? { host: await operator.idOf(host) }
          : 'fleet';
    await order(operator, scope, reason);
    return scope;
  });
  const title = scope === 'fleet' ? 'the fleet' : safe(group ?? host ?? '');
  const value = { order: verb, ...(scope === 'fleet' ? { all: true } : scope), reason };
  await say(context, `${title} ${done}`, value);
  return exitCodes.ok;
}

/** `reboot now HOST`: the host is the next one of its group, whether it needs a reboot or not. */
export async function now(
  context: Context,
  host: string,
  { reason = '' }: ReasonOption,
): Promise<number> {
  const done = 'reboots as the next one of its group; limits, windows and checks hold all the same';
  return toHost(context, host, { verb: 'now', reason, done }, (operator, id) =>
    operator.now(id, reason),
  );
}

/** `reboot release HOST --reason WHY`: takes the slot of a host that will not give it back. */
export async function release(
  context: Context,
  host: string,
  { reason = '' }: ReasonOption,
): Promise<number> {
  if (reason.trim() === '') {
    throw new UsageError('a slot is released with a --reason, which is kept in the history');
  }
  const done = 'holds no slot any more';
  return toHost(context, host, { verb: 'release', reason, done }, (operator, id) =>
    operator.release(id, reason),
  );
}

/** `reboot decommission HOST`: the host is gone for good, with its record and its slot. */
export async function decommission(
  context: Context,
  host: string,
  { reason = '' }: ReasonOption,
): Promise<number> {
  const done = 'is gone: its record and its slot are removed';
  return toHost(context, host, { verb: 'decommission', reason, done }, (operator, id) =>
    operator.decommission(id, reason),
  );
}

interface HostOrder {
  readonly verb: string;
  readonly reason: string;
  readonly done: string;
}

async function toHost(
  context: Context,
  host: string,
  { verb, reason, done }: HostOrder,
  order: (operator: Operator, id: string) => Promise<void>,
): Promise<number> {
  refuseTable(context, `reboot ${verb}`);
  const id = await withOperator(context, async (operator) => {
    const id = await operator.idOf(host);
    await order(operator, id);
    return id;
  });
  await say(context, `${safe(host)} ${done}`, { order: verb, host: id, reason });
  return exitCodes.ok;
}

function withOperator<Result>(
  context: Context,
  use: (operator: Operator) => Promise<Result>,
): Promise<Result> {
  return withClient(context, (client) => use(new Operator(client, { by: ourName() })));
}

async function say({ io, output }: Context, line: string, value: object): Promise<void> {
  await print(io, output === 'json' ? json(value) : `${line}\n`);
}
