import type { Command } from './command.ts';

/**
 * The cluster version is one replicated number. Commands and the state's form mean what they mean
 * *at a cluster version*; it goes up, through the log, when every member can work with the next, and
 * never down. So builds that differ can run side by side without ever reading one entry in two ways.
 */

/** The cluster versions that a build can work with, both ends included; from 1 to 255. */
export interface VersionRange {
  readonly lowest: number;
  readonly highest: number;
}

/** What a build knows of cluster versions. */
export interface Build {
  readonly versions: VersionRange;
  /**
   * The first cluster version at which the command may be proposed. It looks at the whole command,
   * because an old command with a new field is a new meaning as well.
   */
  firstVersionOf(command: Command): number;
}

/** Commands by the cluster version that brought them. An entry carries its number. */
const firstVersions = {
  put: 1,
  deleteRange: 1,
  txn: 1,
  compact: 1,
  leaseGrant: 1,
  leaseRevoke: 1,
  leaseRenew: 1,
  leaseExpire: 1,
  leaseCheckpoint: 1,
  registerClient: 1,
  raiseAlarm: 1,
  clearAlarm: 1,
  hashCheck: 1,
  hashReport: 1,
  register: 1,
  // It is what leads from one version to the next; all members have said that they know the next.
  raiseClusterVersion: 1,
  auth: 2,
} as const satisfies Record<Command['type'], number>;

/** From this cluster version on a learner can be marked to be promoted by itself, and who was removed cannot register. */
export const promotionsSince = 2;

/** The cluster version that brought rights: the table of them in the state, and askers of commands. */
export const authVersion = 2;

/** The build that ships. */
export const thisBuild: Build = {
  versions: { lowest: 1, highest: 2 },
  firstVersionOf: ({ type }) => firstVersions[type],
};

/** A build and a cluster do not fit: the member must not take part. The message is for the operator. */
export class ClusterVersionError extends Error {
  override readonly name = 'ClusterVersionError';
}

/**
 * Why a build cannot work with a cluster at `version`, and what to do; undefined if it can.
 * @param whose says in a sentence whose build it is.
 */
export function misfitOf(
  { lowest, highest }: VersionRange,
  version: number,
  whose = 'this build',
): string | undefined {
  const range = lowest === highest ? `version ${lowest}` : `versions ${lowest} to ${highest}`;
  const both = `the cluster is at version ${version}, and ${whose} works with ${range} only`;
  if (version > highest) {
    return (
      `${both}. A cluster's version never goes down, because entries and snapshots may hold what ` +
      'an older build cannot read: start the member with a build as new as the other members have'
    );
  }
  if (version < lowest) {
    return (
      `${both}: upgrade every member to a build that works with both ${version} and ${lowest} ` +
      'first, wait until the cluster is at the newer one, then go on to this build'
    );
  }
  return undefined;
}

/** @throws ClusterVersionError when a build cannot work with a cluster at `version`. */
export function checkFits(versions: VersionRange, version: number): void {
  const misfit = misfitOf(versions, version);
  if (misfit !== undefined) throw new ClusterVersionError(misfit);
}
