/** Reads that may be long: they look at a bounded number of keys, then let others have their turn. */
import { type ByteString, emptyBytes } from '@lockstep/client/protocol';
import { liveAt, type Versions } from '../core/mvcc/key-history.ts';
import { type KeyValue, withoutValue } from '../core/mvcc/key-value.ts';
import { RangeGatherer } from '../core/mvcc/range-gatherer.ts';
import type { MvccStore } from '../core/mvcc/store.ts';
import type { KeyRange, RangeReply, RangeRequest, ScanReply, ScanRequest } from '../store.ts';
import type { Member } from './member.ts';

/** Keys that one turn looks at: a fraction of a millisecond. */
const keysPerTurn = 1_000;

/** What a long read needs of its member. */
type Reader = Pick<Member, 'pause'> & { readonly machine: { readonly store: MvccStore } };

/**
 * The answer to a range request at one revision, however long it takes: what the state was when the
 * read began. Small ranges are answered at once.
 */
export function readRange(member: Reader, request: RangeRequest): RangeReply | Promise<RangeReply> {
  const { store } = member.machine;
  const revision = request.revision || store.revision;
  const gatherer = new RangeGatherer(request);
  const take = (versions: Versions): boolean => {
    const kv = liveAt(versions, revision);
    if (kv !== undefined) gatherer.take(kv);
    return false;
  };
  const place = { range: request, after: emptyBytes, revision };
  const rest = slice(store, place, take);
  if (rest === undefined) return gatherer.reply();
  return readOn(member, store, { ...place, after: rest }, take).then(() => gatherer.reply());
}

/** One chunk: pairs in key order after `after`, until the bytes or the number of pairs is reached. */
export async function readScan(member: Reader, request: ScanRequest): Promise<ScanReply> {
  const { store } = member.machine;
  const revision = request.revision || store.revision;
  const kvs: KeyValue[] = [];
  let bytes = 0;
  let more = false;
  const take = (versions: Versions): boolean => {
    const kv = liveAt(versions, revision);
    if (kv === undefined) return false;
    more = bytes >= request.bytesMax || (request.limit > 0 && kvs.length >= request.limit);
    if (more) return true;
    const shown = request.keysOnly ? withoutValue(kv) : kv;
    kvs.push(shown);
    bytes += shown.key.length + shown.value.length;
    return false;
  };
  const place = { range: request, after: request.after, revision };
  const rest = slice(store, place, take);
  if (rest !== undefined && !more) await readOn(member, store, { ...place, after: rest }, take);
  return { revision, kvs, more };
}

interface Place {
  readonly range: KeyRange;
  readonly after: ByteString;
  readonly revision: number;
}

/** Looks at the next keys. @returns where to go on; undefined at the end of the range. */
function slice(
  store: MvccStore,
  { range, after, revision }: Place,
  take: (versions: Versions) => boolean,
): ByteString | undefined {
  let left = keysPerTurn;
  return store.walk(range, after, revision, (versions) => take(versions) || --left === 0);
}

async function readOn(
  member: Reader,
  store: MvccStore,
  place: Place,
  take: (versions: Versions) => boolean,
): Promise<void> {
  const release = store.pins.pin(place.revision);
  let stopped = false;
  const takeOrStop = (versions: Versions): boolean => {
    stopped = take(versions);
    return stopped;
  };
  try {
    let after: ByteString | undefined = place.after;
    while (after !== undefined && !stopped) {
      await new Promise<void>((resolve) => member.pause(resolve));
      after = slice(store, { ...place, after }, takeOrStop);
    }
  } finally {
    release();
  }
}
