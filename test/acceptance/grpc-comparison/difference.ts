import { isDeepStrictEqual } from 'node:util';
import { describeRequest, type Json, type RawRequest } from './messages.ts';
import { isObject } from './normalise.ts';
import type { Outcome } from './raw-store.ts';
import type { RawWatchStream } from './raw-watch-stream.ts';

/** One thing that the two servers did differently. */
export interface Difference {
  readonly request: RawRequest;
  /** Where in the answer: `answers.0.kvs.1.version`. */
  readonly path: string;
  readonly etcd: unknown;
  readonly lockstep: unknown;
  /** The whole of both, for whoever judges it. */
  readonly outcomes: { readonly etcd: Outcome; readonly lockstep: Outcome } | undefined;
  /** The revision of the last compaction. */
  readonly compacted: number;
}

/** Seconds that two counts may be apart: of ticks that a busy machine misses only one of the two may take note. What was granted is exact. */
const ttlSlack = 60;

export function compareOutcomes(
  request: RawRequest,
  etcd: Outcome,
  lockstep: Outcome,
  compacted: number,
): Difference[] {
  const outcomes = { etcd, lockstep };
  return differences('', sorted(etcd), sorted(lockstep))
    .filter(({ path, one, other }) => !isSameTime(request, path, one, other))
    .map(({ path, one, other }) => ({
      ...{ request, path, etcd: one, lockstep: other },
      ...{ outcomes, compacted },
    }));
}

/** The order of leases and of a lease's keys means nothing. */
function sorted({ code, message, answers }: Outcome): Json {
  const inOrder = (json: Json): Json => JSON.parse(JSON.stringify(json, order));
  const order = (name: string, value: unknown): unknown =>
    (name === 'leases' || name === 'keys') && Array.isArray(value)
      ? value.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
      : value;
  return { code, message, answers: answers.map(inOrder) };
}

/** How long a lease has still to live is read twice, at two moments. */
function isSameTime(request: RawRequest, path: string, one: Json, other: Json): boolean {
  if (request.kind !== 'call' || request.method.name !== 'LeaseTimeToLive') return false;
  return path === '.answers.0.TTL' && Math.abs(Number(one) - Number(other)) <= ttlSlack;
}

interface Split {
  readonly path: string;
  readonly one: Json;
  readonly other: Json;
}

/** The places in which two answers differ, each as deep as they can be told. */
export function differences(path: string, one: Json, other: Json): Split[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    return one.flatMap((each, at) => differences(`${path}.${at}`, each, other[at] ?? null));
  }
  if (!isObject(one) || !isObject(other)) return [{ path, one, other }];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap((name) =>
    differences(`${path}.${name}`, one[name] ?? null, other[name] ?? null),
  );
}

/** @param last the watch request that is blamed in a report. */
export function compareStreams(
  last: RawRequest,
  etcd: RawWatchStream,
  lockstep: RawWatchStream,
  compacted: number,
): Difference[] {
  const found: Difference[] = [];
  const differ = (path: string, one: unknown, other: unknown): void => {
    found.push({
      ...{ request: last, path, etcd: one, lockstep: other },
      ...{ outcomes: undefined, compacted },
    });
  };
  if (etcd.ended !== lockstep.ended) differ('status', etcd.ended, lockstep.ended);
  for (const id of new Set([...etcd.logs.keys(), ...lockstep.logs.keys()])) {
    const [one, other] = [etcd.logs.get(id) ?? [], lockstep.logs.get(id) ?? []];
    const at = Array.from({ length: Math.max(one.length, other.length) }, (_, each) => each).find(
      (each) => !isDeepStrictEqual(one[each], other[each]),
    );
    if (at !== undefined) differ(`watch ${id}, entry ${at}`, one[at], other[at]);
  }
  return found;
}

/** @returns whether two logs hold the same by now. */
export function isAlike(etcd: RawWatchStream, lockstep: RawWatchStream): boolean {
  return isDeepStrictEqual(etcd.logs, lockstep.logs) && etcd.ended === lockstep.ended;
}

const valueCharacters = 600;

export function describeDifference(difference: Difference): string {
  const { request, path, etcd, lockstep, compacted } = difference;
  return [
    `  at ${path}; compacted at ${compacted}`,
    `    of        ${cut(describeRequest(request))}`,
    `    etcd      ${cut(JSON.stringify(etcd))}`,
    `    Lockstep  ${cut(JSON.stringify(lockstep))}`,
  ].join('\n');
}

export function cut(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  return text.length <= valueCharacters ? text : `${text.slice(0, valueCharacters)} ...`;
}
