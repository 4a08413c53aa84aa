import type { History, Operation, Request, WatcherRecord, WatchItem } from './history.ts';

/** A rectangle of the timeline, or a mark where `to` is missing. */
export interface Bar {
  readonly from: number;
  /** null: it has no end, it may take effect at any later time. */
  readonly to: number | null;
  /** Within its lane, from the top. */
  readonly row: number;
  /** How it is coloured. */
  readonly kind: 'ok' | 'read' | 'refused' | 'unknown' | 'events' | 'progress' | 'ended';
  /** What stands on it where there is room. */
  readonly label: string;
  /** Everything that is known of it. */
  readonly detail: string;
}

export interface Lane {
  readonly name: string;
  readonly rows: number;
  readonly bars: readonly Bar[];
}

export interface Timeline {
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly Lane[];
  readonly harms: readonly { readonly at: number; readonly what: string }[];
}

/** Calls of one client that nobody waits for any more share so many rows. */
const unknownRows = 3;
const detailCharsMax = 4_000;

/** Lays a history out: a lane for each client and for each watcher. */
export function timelineOf(history: Pick<History, 'operations' | 'watchers' | 'harms'>): Timeline {
  const { operations, watchers, harms } = history;
  const times = [
    ...operations.flatMap(({ calledAt, returnedAt }) => [calledAt, returnedAt]),
    ...harms.map(({ at }) => at),
  ].filter((at) => Number.isFinite(at));
  const clients = [...new Set(operations.map(({ client }) => client))].sort(byNumber);
  const clock = new RevisionClock(operations);
  const extent = times.reduce(
    ({ from, to }, at) => ({ from: Math.min(from, at), to: Math.max(to, at) }),
    { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY },
  );
  return {
    ...(times.length === 0 ? { from: 0, to: 1 } : extent),
    lanes: [
      ...clients.map((client) => clientLane(client, operations)),
      ...watchers.map((watcher) => watcherLane(watcher, clock)),
    ],
    harms: [...harms],
  };
}

function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** Calls that overlap get rows of their own, and those without an answer come below the others. */
function clientLane(client: string, all: readonly Operation[]): Lane {
  const own = all
    .filter((one) => one.client === client)
    .sort((left, right) => left.calledAt - right.calledAt || left.id - right.id);
  const freeFrom: number[] = [];
  const known = own.filter(isKnown).map((operation) => {
    const free = freeFrom.findIndex((at) => at <= operation.calledAt);
    const row = free === -1 ? freeFrom.length : free;
    freeFrom[row] = operation.returnedAt;
    return barOf(operation, row);
  });
  const unknown = own
    .filter((operation) => !isKnown(operation))
    .map((operation, at) => barOf(operation, freeFrom.length + (at % unknownRows)));
  const bars = [...known, ...unknown];
  return { name: client, rows: bars.reduce((rows, { row }) => Math.max(rows, row + 1), 1), bars };
}

/** In a history that was read from JSON, what never returned has null there. */
function isKnown({ returnedAt }: Operation): boolean {
  return typeof returnedAt === 'number' && Number.isFinite(returnedAt);
}

function barOf(operation: Operation, row: number): Bar {
  const { id, calledAt, returnedAt, request, outcome } = operation;
  const to = isKnown(operation) ? returnedAt : null;
  const writes = request.type !== 'range';
  const kind =
    to === null ? 'unknown' : outcome.type === 'ok' ? (writes ? 'ok' : 'read') : outcome.type;
  const took =
    to === null ? 'never returned' : `returned at ${to} ms, after ${round(to - calledAt)} ms`;
  const detail = [
    `${operation.client}, call ${id}: called at ${calledAt} ms, ${took}`,
    `request ${shown(request)}`,
    `outcome ${shown(outcome)}`,
  ].join('\n');
  const told = outcome.type === 'ok' ? ` @${outcome.revision}` : '';
  return { from: calledAt, to, row, kind, label: `${titleOf(request)}${told}`, detail };
}

function titleOf(request: Request): string {
  switch (request.type) {
    case 'put':
      return `put ${request.key}=${request.value}`;
    case 'range':
    case 'delete':
      return `${request.type} ${rangeWords({ key: request.key, rangeEnd: request.rangeEnd })}`;
    case 'txn':
      return `txn of ${request.success.length} or ${request.failure.length}`;
    case 'grant':
      return `grant ${request.ttlMs} ms`;
    case 'renew':
    case 'revoke':
      return `${request.type} ${request.lease}`;
    case 'compact':
      return `compact ${request.revision}`;
    default:
      return request satisfies never;
  }
}

/** A session of a watch is a row of marks; the rows go round, so that neighbours can be told apart. */
function watcherLane({ name, key, rangeEnd, sessions }: WatcherRecord, clock: RevisionClock): Lane {
  const rows = Math.min(2, Math.max(1, sessions.length));
  const bars = sessions.flatMap(({ member, from, items }, at) =>
    items.map((item, place): Bar => {
      const revision = revisionOf(item) ?? lastRevision(items.slice(0, place)) ?? from;
      const where = `${name} on member ${member}, session ${at + 1}, which began at revision ${from}`;
      return {
        ...{ from: clock.at(revision), to: clock.at(revision), row: at % rows, kind: item.type },
        label: item.type === 'ended' ? item.reason : `@${revision}`,
        detail: `${where}\n${shown(item)}`,
      };
    }),
  );
  return { name: `${name}: ${rangeWords({ key, rangeEnd })}`, rows, bars };
}

function rangeWords({ key, rangeEnd }: { key: string; rangeEnd: string | undefined }): string {
  if (rangeEnd === undefined) return key;
  if (rangeEnd !== '\0') return `${key} to ${rangeEnd}`;
  return key === '\0' ? 'all keys' : `from ${key} on`;
}

function revisionOf(item: WatchItem): number | undefined {
  return item.type === 'ended' ? undefined : item.revision;
}

function lastRevision(items: readonly WatchItem[]): number | undefined {
  return items.map(revisionOf).findLast((revision) => revision !== undefined);
}

/**
 * When a revision was there. Watches take down no time, so what they were told stands where the first client knew of
 * that revision or of a later one.
 */
class RevisionClock {
  readonly #known: { readonly revision: number; readonly at: number }[] = [];

  constructor(operations: readonly Operation[]) {
    let highest = 0;
    const told = operations.filter(isKnown).sort((one, other) => one.returnedAt - other.returnedAt);
    for (const { outcome, returnedAt } of told) {
      if (outcome.type !== 'ok' || outcome.revision <= highest) continue;
      highest = outcome.revision;
      this.#known.push({ revision: highest, at: returnedAt });
    }
  }

  at(revision: number): number {
    let low = 0;
    let high = this.#known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#known[middle]?.revision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return (this.#known[low] ?? this.#known.at(-1))?.at ?? 0;
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value, null, 1);
  return text.length > detailCharsMax ? `${text.slice(0, detailCharsMax)} ...` : text;
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
