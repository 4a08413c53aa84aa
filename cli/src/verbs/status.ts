import type { StatusResult } from '@lockstep/client';
import { describeFailure } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';

export interface StatusOptions {
  readonly cluster?: boolean;
}

interface Row {
  readonly endpoint: string;
  readonly status: StatusResult;
}

/** `status`: what each endpoint's member says of itself. */
export async function status(context: Context, options: StatusOptions): Promise<number> {
  const { io, output } = context;
  const endpoints = options.cluster === true ? await allEndpoints(context) : context.endpoints;
  let exitCode = 0;
  const asked = endpoints.map(async (endpoint): Promise<Row | undefined> => {
    try {
      const use = { endpoints: [endpoint] };
      return { endpoint, status: await withClient(context, (client) => client.status(), use) };
    } catch (error) {
      const failure = describeFailure(error, { endpoints: [endpoint] });
      warn(io, failure.message);
      exitCode = failure.exitCode;
      return undefined;
    }
  });
  const rows = (await Promise.all(asked)).filter((row) => row !== undefined);
  if (output === 'json') await print(io, json(rows));
  else if (output === 'table' && rows.length > 0)
    await print(io, await table(io, heading, rows.map(cells)));
  else for (const row of rows) await print(io, `${sentence(row)}\n`);
  return exitCode;
}

export async function allEndpoints(context: Context): Promise<readonly string[]> {
  const members = await withClient(context, (client) => client.members());
  // Members are dialed alike, and tell addresses without a scheme.
  const scheme = /^[a-z]+:\/\//.exec(context.endpoints[0] ?? '')?.[0] ?? '';
  return members
    .map(({ clientAddress }) => clientAddress)
    .filter((address) => address !== '')
    .map((address) => `${scheme}${address}`);
}

const heading = [
  'endpoint',
  'name',
  'id',
  'version',
  'cluster version',
  'role',
  'term',
  'log index',
  'applied',
  'revision',
  'keys',
  'watchers',
  'errors',
];

function cells({ endpoint, status }: Row): string[] {
  return [
    endpoint,
    status.name,
    status.header.memberId,
    status.version,
    clusterVersion(status),
    role(status),
    ...[status.raftTerm, status.raftIndex, status.appliedIndex].map(String),
    ...[status.header.revision, status.keys, status.watchers].map(String),
    status.errors.join('; '),
  ];
}

function sentence({ endpoint, status }: Row): string {
  const { name, version, raftTerm, raftIndex, appliedIndex, keys, header } = status;
  const parts = [
    `${endpoint}: ${name} (id ${header.memberId})`,
    role(status),
    `version ${version}`,
    `cluster version ${clusterVersion(status)}`,
    `term ${raftTerm}`,
    `log ${raftIndex}, applied ${appliedIndex}`,
    `revision ${header.revision}`,
    `${keys} ${keys === 1 ? 'key' : 'keys'}`,
    ...status.errors,
  ];
  return parts.join(', ');
}

/** With how far the member itself could go, as long as others hold it back. One that does not tell is of a build that knows 1 only. */
function clusterVersion({
  clusterVersion: now = 1,
  clusterVersions,
}: Partial<StatusResult>): string {
  const { highest } = clusterVersions ?? { highest: now };
  return highest > now ? `${now} (knows ${highest})` : String(now);
}

function role({ isLeader, isLearner, leaderId }: StatusResult): string {
  if (isLeader) return 'leader';
  if (isLearner) return 'learner';
  return leaderId === null ? 'no leader' : 'follower';
}
