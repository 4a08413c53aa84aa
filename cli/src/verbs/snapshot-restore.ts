import type { MemberConfig } from '@lockstep/server/config';
import { UsageError } from '../failure.ts';
import { type Context, type Io, print } from '../io.ts';
import { json, refuseTable } from '../output.ts';

export interface RestoreVerbOptions {
  readonly dataDir?: string;
  readonly name?: string;
  readonly initialCluster?: string;
  readonly initialClusterToken?: string;
  readonly peerAdvertise?: string;
  readonly initialAdvertisePeerUrls?: string;
  readonly bumpRevision?: string;
  readonly markCompacted?: boolean;
}

/** `snapshot restore FILE`: makes the data directory of one member of a new cluster. */
export async function snapshotRestore(
  context: Context,
  file: string,
  options: RestoreVerbOptions,
): Promise<number> {
  refuseTable(context, 'snapshot restore');
  const revisionBump = bumpOf(options);
  const { name, dataDir, initialCluster, initialClusterToken, walSegmentBytes } = await configOf(
    context.io,
    options,
  );
  const { restoreBackup } = await import('@lockstep/server/backup');
  const restored = await restoreBackup({
    ...{ file, dataDir, name, initialCluster, initialClusterToken, revisionBump },
    segmentBytes: walSegmentBytes,
  });
  const { io, output } = context;
  const { clusterId, memberId, revision, keys } = restored;
  const lines = [
    `Made ${dataDir} for member "${name}" (${memberId}) of the new cluster ${clusterId}: ${keys} keys, revision ${revision}`,
    ...nextStep(initialCluster, name),
  ];
  await print(
    io,
    output === 'json' ? json({ dataDir, name, ...restored }) : `${lines.join('\n')}\n`,
  );
  return 0;
}

function nextStep(members: MemberConfig['initialCluster'], name: string): string[] {
  const others = members.filter((member) => member.name !== name).map((member) => member.name);
  if (others.length === 0)
    return ['Start it with "lockstep serve", with the same name and directory'];
  return [
    `Restore ${others.join(' and ')} from the same file with the same list, then start all with "lockstep serve"`,
  ];
}

/** The checks, variables and defaults of a member that is started. @throws ConfigError. */
async function configOf(io: Io, options: RestoreVerbOptions): Promise<MemberConfig> {
  const { mergeRaw, rawFromEnvironment, resolveConfig } = await import('@lockstep/server/config');
  const { rawFromEtcd } = await import('@lockstep/server/etcd-settings');
  const { initialAdvertisePeerUrls: urls, bumpRevision: _, markCompacted: __, ...own } = options;
  const etcd = urls === undefined ? {} : rawFromEtcd({ 'initial-advertise-peer-urls': urls }).raw;
  const raw = mergeRaw({ ...etcd, ...own }, rawFromEnvironment(io.env));
  // Where this member is reached is in the list; saying it once is enough.
  const listed = ownAddress(options);
  return resolveConfig(listed === undefined ? raw : { peerAdvertise: listed, ...raw });
}

function ownAddress({ initialCluster, name = 'default' }: RestoreVerbOptions): string | undefined {
  const entry = initialCluster?.split(',').find((one) => one.trim().startsWith(`${name}=`));
  return entry
    ?.slice(entry.indexOf('=') + 1)
    .trim()
    .replace(/^http:\/\//, '')
    .replace(/\/$/, '');
}

/** @throws UsageError. */
export function bumpOf(options: {
  bumpRevision?: string;
  markCompacted?: boolean;
}): number | undefined {
  const { bumpRevision, markCompacted } = options;
  if (bumpRevision === undefined) return undefined;
  const bump = /^\d{1,16}$/.test(bumpRevision) ? Number(bumpRevision) : Number.NaN;
  if (!Number.isSafeInteger(bump)) {
    throw new UsageError(
      `--bump-revision is "${bumpRevision}"; it must be a whole number, 0 or more`,
    );
  }
  if (bump === 0 && markCompacted === true) {
    throw new UsageError(
      '--mark-compacted goes with a --bump-revision above 0: only then is history marked',
    );
  }
  return bump;
}
