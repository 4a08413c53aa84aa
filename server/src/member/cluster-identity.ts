export interface InitialMember {
  readonly name: string;
  /** host:port where other members reach it. */
  readonly address: string;
}

/**
 * Ids that every member computes alike from the initial list, so that a new cluster needs no
 * coordination to agree on them. `token` tells clusters apart that were started from the same list.
 */
export function clusterIdOf(members: readonly InitialMember[], token: string): string {
  const list = members.map(({ name, address }) => `${name}=${address}`).sort();
  return idOf(`cluster ${token} ${list.join()}`);
}

export function memberIdOf(member: InitialMember, clusterId: string): string {
  return idOf(`member ${clusterId} ${member.name}=${member.address}`);
}

/**
 * The id of a member that is added while the cluster runs, from the log index of its add: no other
 * entry has that index, so a removed id never returns.
 */
export function addedMemberIdOf(clusterId: string, index: number): string {
  return idOf(`member ${clusterId} added at ${index}`);
}

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;
const positive = 0x7fff_ffff_ffff_ffffn;

/** FNV-1a of the text's UTF-16 code units: a positive 64-bit number as a decimal string, never 0. */
function idOf(text: string): string {
  let hash = fnvOffset;
  for (let at = 0; at < text.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * fnvPrime);
  }
  return String((hash & positive) | 1n);
}
