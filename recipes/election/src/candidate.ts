import type { KeyValue } from '@lockstep/client';
import { holderOf, objectIn } from '@lockstep/locks/queueing';

/** What a candidate writes down of itself. */
export interface CandidateRecord {
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly priority: number;
  /** True once it leads: being the first in line alone does not make a leader. */
  readonly inOffice: boolean;
  /** Since when it waits, or leads; milliseconds of its own wall clock. */
  readonly since: number;
  /** The create revision of its first key, if it has let a better one pass since: how long it has waited. */
  readonly came?: number | undefined;
}

/** A candidate as the store has it at one moment. */
export interface Candidate {
  readonly id: string;
  readonly kv: KeyValue;
  /** Undefined when it is another program's, `etcdctl elect` for one. */
  readonly record: CandidateRecord | undefined;
}

/** Somebody who leads or wants to, for those who look. */
export interface ElectionCandidate {
  readonly key: string;
  /** The fencing token it has or will have; a candidate that lets a better one pass gets a new one. */
  readonly token: number;
  readonly lease: string;
  /** What it proposes; undefined when that is no text. */
  readonly value: string | undefined;
  /** Empty for a candidate of another program. */
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly inOffice: boolean;
  /** Since when it waits, or leads, by its own wall clock; undefined for a candidate of another program. */
  readonly since: Date | undefined;
}

export function encodeRecord(record: CandidateRecord): string {
  return JSON.stringify(record);
}

/** Reads as much as is there: another version may have written more, or less. */
export function recordIn(kv: KeyValue): CandidateRecord {
  const { identity, metadata } = holderOf(kv);
  const { priority, inOffice, since, came } = objectIn(kv);
  return {
    identity,
    metadata,
    priority: typeof priority === 'number' ? priority : 0,
    inOffice: inOffice === true,
    since: typeof since === 'number' ? since : 0,
    came: typeof came === 'number' ? came : undefined,
  };
}

/**
 * Whether the first in line leads. One of ours says so when it has made sure that it is the one; another program's
 * leads as soon as nobody is before it.
 */
export function isInOffice({ record }: Candidate): boolean {
  return record === undefined || record.inOffice;
}

export function shown(candidate: Candidate, isFirst: boolean): ElectionCandidate {
  const { kv, record } = candidate;
  return {
    key: kv.key,
    token: kv.createRevision,
    lease: kv.lease,
    value: typeof kv.wireValue === 'string' ? kv.wireValue : undefined,
    identity: record?.identity ?? '',
    metadata: record?.metadata ?? {},
    priority: record?.priority ?? 0,
    inOffice: isFirst && isInOffice(candidate),
    since: record === undefined ? undefined : new Date(record.since),
  };
}
