import type { HistoryEntry, HistoryKind } from '../policy/records.ts';

/** What is told unless something else is asked for. */
export const notifiedKinds: readonly HistoryKind[] = [
  'granted',
  'done',
  'failed',
  'overdue',
  'breaker open',
  'released',
  'unknown group',
  'id in use twice',
];

/** What a webhook gets, as JSON. */
export interface Notification {
  /** The same however often it is sent: a receiver that has seen it can drop it. */
  readonly id: string;
  readonly fleet: string;
  readonly kind: HistoryKind;
  /** A sentence for people, under the name that many chat services show. */
  readonly text: string;
  /** When, as in `2026-03-01T12:00:00.000Z`, by the members' clock. */
  readonly at: string;
  readonly by: string;
  readonly host?: string;
  readonly name?: string;
  readonly group?: string;
  /** The id of the slot. */
  readonly grant?: string;
  readonly version?: string;
  readonly reason?: string;
}

/** @param key of the row, which is its identity. */
export function notificationOf(fleet: string, key: string, entry: HistoryEntry): Notification {
  const { kind, by, host, name, group, grant, version, reason, at } = entry;
  return {
    id: key,
    fleet,
    kind,
    text: sentenceOf(entry),
    at: new Date(at).toISOString(),
    by,
    ...(host === undefined ? {} : { host }),
    ...(name === undefined ? {} : { name }),
    ...(group === undefined ? {} : { group }),
    ...(grant === undefined ? {} : { grant }),
    ...(version === undefined ? {} : { version }),
    ...(reason === undefined ? {} : { reason }),
  };
}

const sentences: Partial<Readonly<Record<HistoryKind, string>>> = {
  granted: 'may reboot',
  done: 'is back in service',
  failed: 'failed to reboot',
  overdue: 'is not back in time and keeps its slot',
  'breaker open': 'is stopped until somebody resumes it',
  released: 'had its slot taken away',
  'unknown group': 'asks for a group that nobody declared',
  'id in use twice': 'has an id that two machines use',
};

function sentenceOf({ kind, host, name = host, group, reason }: HistoryEntry): string {
  const who = name === undefined ? `the group ${group}` : `${name} (${group ?? 'no group'})`;
  const what = sentences[kind] ?? kind;
  return `${who} ${what}${reason === undefined || reason === '' ? '' : `: ${reason}`}`;
}
