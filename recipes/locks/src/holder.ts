import type { KeyValue } from '@lockstep/client';

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

export interface Written {
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What stands in a place's key, for people. */
export function encodeHolder({ identity, metadata }: Written): string {
  return JSON.stringify({ identity, metadata });
}

export function holderOf(kv: KeyValue): LockHolder {
  const { identity, metadata } = written(kv);
  return { key: kv.key, token: kv.createRevision, lease: kv.lease, identity, metadata };
}

/** Another program may have written anything, or nothing. */
function written(kv: KeyValue): Written {
  const nothing = { identity: '', metadata: {} };
  try {
    const read: unknown = JSON.parse(kv.value);
    if (typeof read !== 'object' || read === null) return nothing;
    const { identity = '', metadata = {} } = read as Partial<Written>;
    const isPlain = typeof identity === 'string' && typeof metadata === 'object';
    return isPlain && metadata !== null ? { identity, metadata } : nothing;
  } catch {
    return nothing;
  }
}
