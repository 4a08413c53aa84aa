import { isDeepStrictEqual } from 'node:util';
import type { Answer, Operation, Request, SeenEvent, SeenRevision, WatchLog } from './model.ts';

/** One thing that the two stores answered differently. */
export interface Finding {
  /** The operation it is about: the call, or one within its transaction. */
  readonly request: Request | Operation;
  /** Where in the call: "success[1].failure[0]". */
  readonly path: string;
  readonly field: string;
  readonly etcd: unknown;
  readonly lockstep: unknown;
  /** The operation's whole answers. */
  readonly answers: { readonly etcd: Answer | undefined; readonly lockstep: Answer | undefined };
  /** The revision of the last compaction. */
  readonly compacted: number;
}

/** Seconds that the counts of two leases may be apart: they were not granted at one moment. */
const ttlSlack = 2;

export function compareAnswers(
  request: Request | Operation,
  etcd: Answer,
  lockstep: Answer,
  compacted: number,
  path = '',
): Finding[] {
  const found: Finding[] = [];
  const differ = (field: string, one: unknown, other: unknown): void => {
    const answers = { etcd, lockstep };
    found.push({ request, path, field, etcd: one, lockstep: other, answers, compacted });
  };
  if (etcd.kind !== lockstep.kind) {
    differ('outcome', brief(etcd), brief(lockstep));
    return found;
  }
  const others = new Map<string, unknown>(Object.entries(lockstep));
  for (const [field, expected] of Object.entries(etcd)) {
    const actual = others.get(field);
    if (field !== 'results' && !fits(etcd.kind, field, expected, actual)) {
      differ(field, expected, actual);
    }
  }
  if (request.kind !== 'txn' || etcd.kind !== 'txn' || lockstep.kind !== 'txn') return found;
  if (etcd.succeeded !== lockstep.succeeded) return found;
  const branch = etcd.succeeded ? 'success' : 'failure';
  const [ofEtcd, ofLockstep] = [etcd.results, lockstep.results];
  if (ofEtcd.length !== ofLockstep.length) differ('results', ofEtcd.length, ofLockstep.length);
  const inner = request[branch].flatMap((operation, at) => {
    const [one, other] = [ofEtcd[at], ofLockstep[at]];
    if (one === undefined || other === undefined) return [];
    const inside = `${path === '' ? '' : `${path}.`}${branch}[${at}]`;
    return compareAnswers(operation, one, other, compacted, inside);
  });
  return [...found, ...inner];
}

function fits(kind: Answer['kind'], field: string, etcd: unknown, lockstep: unknown): boolean {
  if (kind === 'timeToLive' && field === 'ttl') {
    const [one, other] = [Number(etcd), Number(lockstep)];
    // A lease that is there and one that is not are never alike.
    return one < 0 || other < 0 ? one === other : Math.abs(one - other) <= ttlSlack;
  }
  // Lockstep may say more after what etcd says.
  if (field === 'text') return new RegExp(`^${escaped(`${etcd}`)}(?:$|[;: ])`).test(`${lockstep}`);
  return isDeepStrictEqual(etcd, lockstep);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function brief(answer: Answer): Answer | Answer['kind'] {
  return answer.kind === 'refused' || answer.kind === 'watch' ? answer : answer.kind;
}

/** @param created the revision of the last compaction before the watch was created. */
export function compareWatches(
  request: Request,
  { etcd, lockstep }: { readonly etcd: WatchLog; readonly lockstep: WatchLog },
  { created, compacted }: { readonly created: number; readonly compacted: number },
): Finding[] {
  const found: Finding[] = [];
  const differ = (path: string, field: string, one: unknown, other: unknown): void => {
    const answers = { etcd: undefined, lockstep: undefined };
    found.push({ request, path, field, etcd: one, lockstep: other, answers, compacted });
  };
  if (etcd.faults.length > 0 || lockstep.faults.length > 0) {
    differ('', 'faults', etcd.faults, lockstep.faults);
  }
  const { rest, lost } = withoutLostDeletes(etcd.revisions, lockstep.revisions, created);
  if (lost.length > 0) differ('', lostDeletes, [], lost);
  const most = Math.max(etcd.revisions.length, rest.length);
  for (let at = 0; at < most; at++) {
    const [one, other] = [etcd.revisions[at], rest[at]];
    if (isDeepStrictEqual(one, other)) continue;
    // What follows would only say the same again.
    differ(`event ${at}`, 'revisions', one, other);
    break;
  }
  return found;
}

/** The field of a finding: deletes of the revision that was compacted, which only Lockstep told. */
export const lostDeletes = 'deletes at the compaction';

function withoutLostDeletes(
  etcd: readonly SeenRevision[],
  lockstep: readonly SeenRevision[],
  created: number,
): { readonly rest: readonly SeenRevision[]; readonly lost: readonly SeenEvent[] } {
  const told = etcd.find(({ revision }) => revision === created)?.events ?? [];
  const isLost = (event: SeenEvent): boolean =>
    event.type === 'delete' && !told.some((each) => isDeepStrictEqual(each, event));
  const lost: SeenEvent[] = [];
  const rest = lockstep.flatMap((each) => {
    if (each.revision !== created) return [each];
    lost.push(...each.events.filter(isLost));
    const events = each.events.filter((event) => !isLost(event));
    return events.length > 0 ? [{ revision: each.revision, events }] : [];
  });
  return { rest, lost };
}
