import { exitCodes } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { bumpOf } from './snapshot-restore.ts';

export interface RecoverVerbOptions {
  readonly dataDir: string;
  readonly yes?: boolean;
  readonly bumpRevision?: string;
}

/** `member recover`: goes on with one member alone. Without --yes nothing is changed, and the exit code is 1. */
export async function memberRecover(
  context: Context,
  options: RecoverVerbOptions,
): Promise<number> {
  refuseTable(context, 'member recover');
  const { io, output } = context;
  const { dataDir, yes: confirmed = false } = options;
  const revisionBump = bumpOf(options);
  const { recoverMember } = await import('@lockstep/server/backup');
  const { rawFromEnvironment, resolveConfig } = await import('@lockstep/server/config');
  const { walSegmentBytes } = rawFromEnvironment(io.env);
  const segmentBytes = resolveConfig({ walSegmentBytes }).walSegmentBytes;
  const recovery = await recoverMember({ dataDir, confirmed, revisionBump, segmentBytes });
  for (const warning of recovery.warnings) warn(io, warning);
  const { name, keys, revision, uncommitted, oldMembers, keptAt, clusterId, memberId } = recovery;
  if (output === 'json') await print(io, json(recovery));
  else if (confirmed && clusterId !== undefined) {
    const kept = keptAt === '' ? '' : ` The old directory is kept at ${keptAt}.`;
    await print(
      io,
      `Member "${name}" (${memberId}) is the only one of the new cluster ${clusterId}: ${keys} keys, revision ${revision}.${kept}\n` +
        `Start it with "lockstep serve --name ${name} --data-dir ${dataDir}" and its addresses. The old members cannot come back: remove their data.\n`,
    );
  } else {
    await print(
      io,
      `Member "${name}" of ${oldMembers.join(', ')} has ${keys} keys at revision ${revision}; ${uncommitted} of the last entries of its log may ` +
        'not have been committed, and are kept.\n' +
        'It would be the only member of a new cluster, and writes that it never got are lost. Only if most members are lost ' +
        'for ever: add --yes.\n',
    );
  }
  return confirmed ? exitCodes.ok : exitCodes.refused;
}
