import {
  type ElectionCandidate,
  type ElectionState,
  inspectElection as stateOf,
} from '@lockstep/election';
import { checkedName } from '@lockstep/locks';
import { exitCodes } from '../failure.ts';
import { holderName } from '../holder-name.ts';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { printable } from '../printable.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

/** `inspect election NAME`: who leads and who waits. */
export async function inspectElection(context: Context, name: string): Promise<number> {
  checkedName(name);
  const { io, output } = context;
  const state = await withClient(context, (client) => stateOf(client, name));
  if (output === 'json') await print(io, json(reply(name, state)));
  else if (output === 'table') await print(io, await table(io, head, rows(state)));
  else await print(io, sentences(name, state));
  return exitCodes.ok;
}

/** JSON has no undefined. */
function reply(name: string, { leader, waiting }: ElectionState): object {
  return { name, leader: leader ?? null, waiting };
}

const head = ['place', 'identity', 'value', 'priority', 'token', 'lease', 'since'];

function rows({ leader, waiting }: ElectionState): string[][] {
  const row = (place: string, one: ElectionCandidate): string[] => [
    ...[place, printable(Buffer.from(one.identity)), proposalOf(one), String(one.priority)],
    ...[String(one.token), one.lease, sinceOf(one)],
  ];
  return [
    leader === undefined ? ['nobody', '', '', '', '', '', ''] : row('leader', leader),
    ...waiting.map((one, at) => row(String(at + 1), one)),
  ];
}

function sentences(name: string, { leader, waiting }: ElectionState): string {
  const shown = `"${printable(Buffer.from(name))}"`;
  const rows =
    leader === undefined
      ? [`nobody leads ${shown}`]
      : [
          `${shown} is led by ${holderName(leader)}`,
          `  ${factsOf(leader)}`,
          `  it proposes: ${proposalOf(leader)}`,
        ];
  if (waiting.length > 0) rows.push(`${waiting.length} waiting, in line:`);
  for (const one of waiting) rows.push(`  ${holderName(one)}, ${factsOf(one)}`);
  return `${rows.join('\n')}\n`;
}

function factsOf(one: ElectionCandidate): string {
  const since = sinceOf(one);
  return [
    `token ${one.token}`,
    `lease ${one.lease}`,
    `priority ${one.priority}`,
    ...(since === '' ? [] : [`since ${since}`]),
  ].join(', ');
}

function proposalOf({ value }: ElectionCandidate): string {
  return value === undefined ? '(no text)' : printable(Buffer.from(value));
}

function sinceOf({ since }: ElectionCandidate): string {
  return since === undefined ? '' : since.toISOString();
}
