import type { Client } from '@lockstep/client';
import { type HistoryEntry, Operator } from '@lockstep/reboot-coordinator';
import { exitCodes, UsageError } from '../failure.ts';
import { safe } from '../fleet/host-text.ts';
import { moment } from '../fleet/time-text.ts';
import { type Context, print } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json } from '../output.ts';
import { wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';
import { untilStopped } from './watch.ts';

export interface HistoryOptions {
  readonly host?: string;
  readonly group?: string;
  readonly limit: string;
  readonly follow?: boolean;
}

interface Filter {
  readonly limit: number;
  readonly host?: string;
  readonly group?: string;
}

/** `reboot history`: the newest rows, oldest first; with --follow also those to come. */
export async function history(context: Context, options: HistoryOptions): Promise<number> {
  const { host, group, follow = false } = options;
  const filter: Filter = {
    limit: wholeNumber(options.limit, '--limit', 1),
    ...(host === undefined ? {} : { host }),
    ...(group === undefined ? {} : { group }),
  };
  if (!follow) {
    const entries = await withClient(context, (client) => operatorOf(client).history(filter));
    await show(context, entries);
    return exitCodes.ok;
  }
  if (context.output === 'table') {
    throw new UsageError('--follow prints no table: use --output simple or json');
  }
  return untilStopped(context, async (client, signal) => {
    for await (const entry of operatorOf(client).followHistory({ ...filter, signal })) {
      await show(context, [entry]);
    }
    return exitCodes.ok;
  });
}

function operatorOf(client: Client): Operator {
  return new Operator(client, { by: ourName() });
}

async function show({ io, output }: Context, entries: readonly HistoryEntry[]): Promise<void> {
  if (output === 'json') await print(io, entries.map(json).join(''));
  else if (output === 'table') await print(io, await table(io, head, entries.map(cells)));
  else await print(io, entries.map((entry) => `${lineOf(entry)}\n`).join(''));
}

const head = ['time', 'what', 'group', 'host', 'slot', 'version', 'by', 'reason'];

function cells(entry: HistoryEntry): string[] {
  const { at, kind, group = '', host = '', name = host, grant = '', version = '', by } = entry;
  return [moment(at), ...[kind, group, name, grant, version, by, entry.reason ?? ''].map(safe)];
}

function lineOf({ at, kind, group, host, name = host, grant, version, by, reason }: HistoryEntry) {
  const about = [group, name].filter((text) => text !== undefined).join('/');
  const facts = [
    ...(grant === undefined ? [] : [`slot ${grant}`]),
    ...(version === undefined ? [] : [`version ${version}`]),
    `by ${by}`,
  ].join(', ');
  const why = reason === undefined || reason === '' ? '' : `: ${reason}`;
  return safe(`${moment(at)}  ${kind}${about === '' ? '' : `  ${about}`}  (${facts})${why}`);
}
