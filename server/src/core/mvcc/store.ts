import { EventLog } from './event-log.ts';
import { compacted, countOf, latestOf, liveAt, type Versions, withNewer } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import type { KeyRange } from './key-range.ts';
import { isTombstone, type KeyValue, keyBytes, versionBytes } from './key-value.ts';
import type { LeaseBook } from './lease-book.ts';
import { Pins } from './pins.ts';
import { RangeGatherer } from './range-gatherer.ts';
import type { RangeReply, RangeRequest } from './requests.ts';
import { type ByteString, emptyBytes, noLease } from './values.ts';
import { StoreView } from './view.ts';
import { WriteTxn } from './write-txn.ts';

/** The store's revision before the first write, as in etcd. */
export const initialRevision = 1;

/** As a revision to read at: what was written last, also by a request that is still writing. */
export const rightNow = Number.POSITIVE_INFINITY;

/** Why a revision cannot be read. */
export type RevisionRefusal = 'compacted' | 'future_revision';

const noLeases: LeaseBook = { has: () => false, attach: () => {}, detach: () => {} };

/**
 * The multi-version key space: an ordered index of every key's versions, and the log of all events.
 * Deterministic; knows nothing of Raft.
 *
 * Compaction happens twice. Logically at once, by {@link compact}: what is asked of an older
 * revision is refused, and hashes and snapshots no longer show it. Physically later, by
 * {@link sweep} in slices: memory is given back event by event, so the cost follows what was
 * written and not what is stored, and whoever reads an old revision in slices holds it off by a pin.
 */
export class MvccStore {
  readonly #index = new KeyIndex();
  readonly #events = new EventLog();
  readonly #leases: LeaseBook;
  readonly pins = new Pins();
  #revision = initialRevision;
  /** Of the newest version: above the store's revision while a request writes. */
  #newest = 0;
  #compactRevision = 0;
  /** Events before this position were swept at {@link #sweptRevision}. */
  #sweepPosition = 0;
  #sweptRevision = 0;
  /** Keys that exist now. */
  #live = 0;
  #stateBytes = 0;
  #liveBytes = 0;

  constructor(leases: LeaseBook = noLeases) {
    this.#leases = leases;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Below this revision history is gone; the state at it is still readable. 0 when never compacted. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  get keys(): number {
    return this.#live;
  }

  get events(): EventLog {
    return this.#events;
  }

  /** Estimated bytes of memory of all versions that were not given back yet. */
  get stateBytes(): number {
    return this.#stateBytes;
  }

  /** The part of it that the newest versions of existing keys take. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  hasLease(id: string): boolean {
    return this.#leases.has(id);
  }

  /** Runs the writes of one request; they share one new revision if there is at least one. */
  write<Reply>(run: (txn: WriteTxn) => Reply): { reply: Reply; events: readonly KeyValue[] } {
    const txn = new WriteTxn(this, this.#revision + 1);
    const reply = run(txn);
    if (txn.events.length > 0) this.#revision++;
    return { reply, events: txn.events };
  }

  /** Why `revision` cannot be read now, if so. 0 always can. */
  refusal(revision: number): RevisionRefusal | undefined {
    if (revision > this.#revision) return 'future_revision';
    return revision > 0 && revision < this.#compactRevision ? 'compacted' : undefined;
  }

  /** Pairs as they were at `now` or at the request's own revision. The caller has asked {@link refusal} first. */
  range(request: RangeRequest, now = this.#revision): RangeReply {
    const gatherer = new RangeGatherer(request);
    const revision = request.revision || now;
    this.walk(request, emptyBytes, revision, (versions) => {
      const kv = liveAt(versions, revision);
      if (kv !== undefined) gatherer.take(kv);
      return false;
    });
    return gatherer.reply();
  }

  /**
   * Calls `visit` with the versions of every key of the range above `after` in order that may have existed at
   * `revision`, until it returns true.
   * @returns the key it stopped at, or undefined at the end of the range.
   */
  walk(
    range: KeyRange,
    after: ByteString,
    revision: number,
    visit: (versions: Versions, key: ByteString) => boolean,
  ): ByteString | undefined {
    return this.#index.walk(range, after, revision < this.#newest, visit);
  }

  /** The live pair of `key` now. */
  get(key: ByteString): KeyValue | undefined {
    const kv = this.latest(key);
    return kv === undefined || isTombstone(kv) ? undefined : kv;
  }

  /** The live pair of `key` before `revision`, if that is not compacted. */
  before(key: ByteString, revision: number): KeyValue | undefined {
    if (revision <= this.#compactRevision) return undefined;
    const versions = this.#index.get(key);
    return versions === undefined ? undefined : liveAt(versions, revision - 1);
  }

  latest(key: ByteString): KeyValue | undefined {
    const versions = this.#index.get(key);
    return versions === undefined ? undefined : latestOf(versions);
  }

  /** The live pairs of a range, writes of the running request included. */
  liveInRange(range: KeyRange): KeyValue[] {
    const live: KeyValue[] = [];
    this.walk(range, emptyBytes, rightNow, (versions) => {
      live.push(latestOf(versions));
      return false;
    });
    return live;
  }

  /** Only for {@link WriteTxn} and restoring: records one version, as an event. */
  record(kv: KeyValue): void {
    this.#store(kv);
    this.#events.append(kv);
  }

  /** Only for restoring: a version that is visible at the compaction point and was written before it. */
  recordBase(kv: KeyValue): void {
    this.#store(kv);
  }

  #store(kv: KeyValue): void {
    const versions = this.#index.get(kv.key);
    const bytes = versionBytes(kv);
    this.#stateBytes += bytes;
    const previous = versions === undefined ? undefined : latestOf(versions);
    if (versions === undefined) this.#stateBytes += keyBytes(kv.key);
    this.#index.set(kv.key, versions === undefined ? kv : withNewer(versions, kv), versions);
    this.#newest = Math.max(this.#newest, kv.modRevision);
    if (previous !== undefined && !isTombstone(previous)) this.#end(previous);
    if (isTombstone(kv)) return;
    this.#live++;
    this.#liveBytes += bytes + keyBytes(kv.key);
    if (kv.lease !== noLease) this.#leases.attach(kv.lease, kv.key);
  }

  /** The version is no longer the newest of its key. */
  #end(kv: KeyValue): void {
    this.#live--;
    this.#liveBytes -= versionBytes(kv) + keyBytes(kv.key);
    if (kv.lease !== noLease) this.#leases.detach(kv.lease, kv.key);
  }

  /**
   * Drops history below `revision`, logically: {@link sweep} gives the memory back.
   * @returns why not: it is compacted already, or does not exist yet.
   */
  compact(revision: number): RevisionRefusal | undefined {
    if (revision <= this.#compactRevision) return 'compacted';
    if (revision > this.#revision) return 'future_revision';
    this.#compactRevision = revision;
    return undefined;
  }

  /** What {@link sweep} may sweep to now: nothing that a pin still reads. */
  get #sweepTarget(): number {
    return Math.min(this.#compactRevision, this.pins.lowest);
  }

  /** True when there is memory to give back, and nobody reads it. */
  get hasGarbage(): boolean {
    return this.#sweptRevision < this.#sweepTarget;
  }

  /** The revision up to which memory was given back. */
  get sweptRevision(): number {
    return this.#sweptRevision;
  }

  /**
   * Looks at up to `most` events below the compaction point and drops what each of them made
   * obsolete. Every obsolete version was superseded by such an event, so nothing else is visited.
   */
  sweep(most: number): void {
    const target = this.#sweepTarget;
    if (this.#sweptRevision >= target) return;
    const events = this.#events;
    let position = Math.max(this.#sweepPosition, events.firstPosition);
    const until = Math.min(events.length, position + most);
    while (position < until) {
      const { key, modRevision } = events.at(position);
      if (modRevision > target) break;
      this.#sweepKey(key, target);
      position++;
    }
    this.#sweepPosition = position;
    const atTarget = events.positionOf(target);
    events.dropBefore(Math.min(position, atTarget));
    if (position === events.length || events.at(position).modRevision > target) {
      this.#sweptRevision = target;
    }
  }

  #sweepKey(key: ByteString, revision: number): void {
    const versions = this.#index.get(key);
    if (versions === undefined) return;
    const left = compacted(versions, revision, (version) => {
      this.#stateBytes -= versionBytes(version);
    });
    if (left === versions) return;
    if (left !== undefined) {
      this.#index.set(key, left, versions);
    } else {
      this.#index.delete(key);
      this.#stateBytes -= keyBytes(key);
    }
  }

  /** A consistent view of everything, taken in constant time; later writes do not show in it. Must be released. */
  view(): StoreView {
    return new StoreView(this);
  }

  /** Sets the counters after everything of a view was recorded. */
  restored(revision: number, compactRevision: number): void {
    this.#revision = revision;
    this.#compactRevision = compactRevision;
  }

  /** Only for a new cluster on an old state: continues at `revision`, with all history before it compacted. */
  continueAt(revision: number): void {
    this.#revision = revision;
    this.#compactRevision = revision;
  }

  /** How many versions are held in memory: for measuring. */
  countVersions(): number {
    let count = 0;
    this.#index.forEach((versions) => {
      count += countOf(versions);
    });
    return count;
  }
}
