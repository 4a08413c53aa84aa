import { invalid, type KeyValue } from '@lockstep/client';

/** Who has a place in a queue, as far as that is written down. */
export interface LockHolder {
  readonly key: string;
  /** The fencing token it has, or will have: smaller ones came before it. */
  readonly token: number;
  readonly lease: string;
  /** As its session or options named it; empty for a lock that another program took. */
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface LockQueue {
  readonly holder: LockHolder | undefined;
  /** Who waits, next first. */
  readonly waiting: readonly LockHolder[];
}

interface Written {
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What stands in a place's key, for people. */
export function record({ identity = '', metadata = {} }: Partial<Written>): Written {
  return { identity, metadata };
}

/** @throws InvalidError when the options are no text, or no object of texts. */
export function checkedHolder(options: Partial<Written>): Partial<Written> {
  const { identity = '', metadata = {} } = options;
  if (typeof identity !== 'string') {
    throw invalid(`identity is ${String(identity)}; it must be text`);
  }
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  if (!isObject || !Object.values(metadata).every((each) => typeof each === 'string')) {
    throw invalid('metadata must be an object of texts');
  }
  return options;
}

export function encodeHolder(options: Partial<Written>): string {
  return JSON.stringify(record(checkedHolder(options)));
}

export function holderOf(kv: KeyValue): LockHolder {
  const { identity, metadata } = written(kv);
  return { key: kv.key, token: kv.createRevision, lease: kv.lease, identity, metadata };
}

/** Another program may have written anything, or nothing. */
function written(kv: KeyValue): Written {
  const { identity, metadata } = objectIn(kv);
  const isPlain = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  return {
    identity: typeof identity === 'string' ? identity : '',
    metadata: isPlain
      ? Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, String(value)]))
      : {},
  };
}

/** The JSON object in a key's value; an empty one when that is something else. */
export function objectIn({ wireValue }: KeyValue): Readonly<Record<string, unknown>> {
  if (typeof wireValue !== 'string') return {};
  try {
    const read: unknown = JSON.parse(wireValue);
    return typeof read === 'object' && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
