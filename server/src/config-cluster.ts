/** What the settings say of the cluster that a member begins or joins, and whether that can work. */
import type { SettingWording } from './config.ts';
import type { ClusterEntry } from './config-kinds.ts';

const membersMax = 5;

interface JoinSettings {
  readonly name: string;
  readonly join?: readonly string[] | undefined;
  readonly initialCluster?: readonly ClusterEntry[] | undefined;
  readonly initialClusterState?: 'new' | 'existing' | undefined;
}

/** What is wrong or unwise so far, and how to call the settings in it. */
export interface Found {
  readonly problems: string[];
  readonly warnings: string[];
  readonly say: SettingWording;
}

/** Whom a member asks that joins a running cluster; undefined of a founder. */
export function joinOf(
  given: JoinSettings,
  { problems, say }: Found,
): readonly string[] | undefined {
  const { name, join, initialCluster, initialClusterState } = given;
  if (join !== undefined) {
    if (initialCluster !== undefined) {
      problems.push(
        `${say('join')} and ${say('initialCluster')} both name the cluster; give one of them`,
      );
    }
    if (initialClusterState === 'new') {
      problems.push(
        `${say('join')} is for a cluster that runs, and ${say('initialClusterState')} is new`,
      );
    }
    return join;
  }
  if (initialClusterState !== 'existing') return undefined;
  const others = initialCluster?.filter((entry) => entry.name !== name) ?? [];
  if (others.length === 0) {
    problems.push(
      `${say('initialClusterState')} is existing, so ${say('initialCluster')} must name members to ask ` +
        `besides this one; or name them with ${say('join')}`,
    );
  }
  return others.map((entry) => entry.address);
}

export function checkCluster(
  entries: readonly ClusterEntry[],
  name: string,
  { peerAdvertise, isNew }: { readonly peerAdvertise: string; readonly isNew: boolean },
  { problems, warnings, say }: Found,
): void {
  const flag = say('initialCluster');
  if (entries.length === 0 || (isNew && entries.length > membersMax)) {
    problems.push(`${flag} names ${entries.length} members; it must be 1, 3 or ${membersMax}`);
  } else if (isNew && entries.length % 2 === 0) {
    const [less, more] = [entries.length - 1, entries.length + 1];
    warnings.push(
      `a cluster of ${entries.length} members survives no more failures than one of ${less}; use ${less} or ${more}`,
    );
  }
  const twice = (pick: (entry: ClusterEntry) => string): Set<string> =>
    new Set(entries.map(pick).filter((value, at, all) => all.indexOf(value) !== at));
  for (const double of twice((entry) => entry.name)) {
    problems.push(`${flag} names "${double}" more than once; each member needs its own name`);
  }
  for (const double of twice((entry) => entry.address)) {
    problems.push(`${flag} gives ${double} to more than one member; each needs its own address`);
  }
  const own = entries.find((entry) => entry.name === name);
  if (own === undefined && entries.length > 0) {
    const names = entries.map((entry) => entry.name).join(', ');
    problems.push(
      `${flag} does not name this member: ${say('name')} is "${name}", the cluster is ${names}`,
    );
  } else if (own !== undefined && own.address !== peerAdvertise) {
    problems.push(
      `${flag} says that "${name}" is at ${own.address}, but its peer address is ${peerAdvertise}; ` +
        `make them equal, for example with ${say('peerListen')} ${own.address} (or ${say('peerAdvertise')})`,
    );
  }
}
