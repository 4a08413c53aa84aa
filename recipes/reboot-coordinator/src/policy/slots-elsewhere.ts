import { PolicyError } from './fault.ts';
import { groupPattern } from './group-name.ts';
import { isObject } from './json-object.ts';

/** A coordinator whose slots can be taken over. */
export const otherCoordinators = ['locksmith', 'airlock'] as const;
export type OtherCoordinator = (typeof otherCoordinators)[number];

/** A group as another coordinator had it. */
export interface GroupElsewhere {
  /** What it is called there; empty for the only one of locksmith that has no name. */
  readonly source: string;
  /** What it is called here. */
  readonly group: string;
  /** As it was written, so 0 or less when it was frozen. */
  readonly max: number;
  readonly holders: readonly string[];
}

export interface SlotsElsewhereOptions {
  /** Of which group a file is that holds one semaphore alone. */
  readonly group?: string;
  /** What groups are called here, by what they are called there. */
  readonly names?: ReadonlyMap<string, string>;
}

interface Pair {
  readonly key: string;
  readonly value: unknown;
}

/** Where each keeps its semaphores in etcd, and what it calls the number of slots. */
const layouts: Readonly<
  Record<OtherCoordinator, { readonly key: RegExp; readonly max: string; readonly place: string }>
> = {
  locksmith: {
    key: /^\/?coreos\.com\/updateengine\/rebootlock\/(?:groups\/([^/]*)\/)?semaphore$/,
    max: 'max',
    place: 'coreos.com/updateengine/rebootlock/',
  },
  airlock: {
    key: /^\/?com\.coreos\.airlock\/groups\/([^/]+)\/v1\/semaphore$/,
    max: 'total_slots',
    place: 'com.coreos.airlock/groups/',
  },
};

const holderCharactersMax = 256;

/**
 * Reads what locksmith or airlock keeps in etcd: one semaphore, or a dump as an object of keys and values, as the nodes of
 * etcd v2, or as the `kvs` in base64 that `etcdctl get --prefix -w json` prints.
 *
 * @throws PolicyError that says what is wrong, and in which key.
 */
export function readSlotsElsewhere(
  from: OtherCoordinator,
  text: string,
  { group, names = new Map() }: SlotsElsewhereOptions = {},
): readonly GroupElsewhere[] {
  const value = parsed(text, 'the file');
  const isOne = isObject(value) && 'holders' in value;
  if (isOne) {
    if (group === undefined) {
      throw new PolicyError('the file holds one semaphore: say of which group, with --group NAME');
    }
    return [checkedGroup(from, { source: group, value, where: 'the file' }, names)];
  }
  if (group !== undefined) {
    throw new PolicyError(
      '--group is for a file with one semaphore; this one tells its groups by their keys',
    );
  }
  const found = pairsOf(value);
  const groups = found.flatMap(({ key, value }) => {
    const match = layouts[from].key.exec(key);
    if (match === null) return [];
    const source = unescaped(match[1] ?? '');
    return [checkedGroup(from, { source, value, where: key }, names)];
  });
  if (groups.length === 0) {
    const other = found.length === 1 ? '1 other key' : `${found.length} other keys`;
    throw new PolicyError(
      `there is no semaphore of ${from} in the file, whose keys begin with ${layouts[from].place}; it has ${found.length === 0 ? 'no keys' : other}`,
    );
  }
  demandOnce(groups);
  return groups;
}

interface Found {
  readonly source: string;
  readonly value: unknown;
  readonly where: string;
}

function checkedGroup(
  from: OtherCoordinator,
  { source, value, where }: Found,
  names: ReadonlyMap<string, string>,
): GroupElsewhere {
  const group = names.get(source) ?? source;
  if (!groupPattern.test(group)) {
    const what = source === '' ? 'the group without a name' : `the group ${quoted(source)}`;
    throw new PolicyError(
      `${what} needs another name here, of 1 to 64 letters, digits, "." and "-": --group-map ${source}=NAME`,
    );
  }
  const semaphore = typeof value === 'string' ? parsed(value, where) : value;
  if (!isObject(semaphore)) throw new PolicyError(`${where} is not a JSON object`);
  const field = layouts[from].max;
  const max = semaphore[field];
  if (!Number.isSafeInteger(max)) {
    throw new PolicyError(
      `${where} has no whole number ${quoted(field)}, as ${from} writes it: it is ${quoted(max)}`,
    );
  }
  return { source, group, max: Number(max), holders: holdersIn(semaphore.holders, where) };
}

function holdersIn(value: unknown, where: string): readonly string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) {
    throw new PolicyError(`${where} has holders that are no list: ${quoted(value)}`);
  }
  const ids = value.map((id: unknown) => {
    if (typeof id === 'string' && id.trim() !== '' && id.length <= holderCharactersMax) return id;
    throw new PolicyError(
      `${where} has a holder that is no id of 1 to ${holderCharactersMax} characters: ${quoted(id)}`,
    );
  });
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice === undefined) return ids;
  throw new PolicyError(`${where} has the holder ${quoted(twice)} twice`);
}

/** A host has one record and one slot, so it cannot hold two. */
function demandOnce(groups: readonly GroupElsewhere[]): void {
  const seen = new Map<string, string>();
  const named = new Map<string, string>();
  for (const { group, source, holders } of groups) {
    const other = named.get(group);
    if (other !== undefined) {
      throw new PolicyError(`both ${quoted(other)} and ${quoted(source)} would be ${group} here`);
    }
    named.set(group, source);
    for (const id of holders) {
      const before = seen.get(id);
      if (before !== undefined) {
        throw new PolicyError(
          `${quoted(id)} holds a slot of ${before} and one of ${group}: free one of them first`,
        );
      }
      seen.set(id, group);
    }
  }
}

/** All keys of a dump, whichever form it has. */
function pairsOf(value: unknown): Pair[] {
  if (Array.isArray(value)) return value.flatMap(pairsOfNode);
  if (!isObject(value)) {
    throw new PolicyError('the file is neither a semaphore nor a dump of etcd: no JSON object');
  }
  const { kvs, node } = value;
  if (Array.isArray(kvs)) return kvs.map(pairOfBase64);
  if (isObject(node)) return pairsOfNode(node);
  // What `etcdctl get --prefix -w json` prints when there is nothing.
  if ('header' in value) return [];
  return Object.entries(value).map(([key, value]) => ({ key, value }));
}

function pairsOfNode(node: unknown): Pair[] {
  if (!isObject(node)) throw new PolicyError(`the dump has a node that is none: ${quoted(node)}`);
  const { key, value, nodes } = node;
  if (Array.isArray(nodes)) return nodes.flatMap(pairsOfNode);
  if (isObject(node.node) || Array.isArray(node.kvs)) return pairsOf(node);
  if (typeof key !== 'string') {
    throw new PolicyError(`the dump has a node without a key: ${quoted(node)}`);
  }
  // A directory that is empty.
  return value === undefined ? [] : [{ key, value }];
}

function pairOfBase64(kv: unknown): Pair {
  if (isObject(kv) && typeof kv.key === 'string') {
    const { key, value = '' } = kv;
    if (typeof value === 'string') return { key: textOf(key), value: textOf(value) };
  }
  throw new PolicyError(`the dump has a pair without a key and a value in base64: ${quoted(kv)}`);
}

function textOf(base64: string): string {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PolicyError(`the dump has what is no text in base64: ${quoted(base64)}`);
  }
}

/** As Go's `url.QueryEscape` writes it. */
function unescaped(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    return part;
  }
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PolicyError(`${where} is not JSON: ${(error as Error).message}`);
  }
}

/** Somebody else's value, cut, in a sentence. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
