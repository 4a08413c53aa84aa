import { inRange } from '../../server/src/core/mvcc/key-range.ts';
import { isTombstone, type KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { WatchEvent } from '../../server/src/core/watch/types.ts';
import type { HubStream } from '../../server/src/core/watch/watch-hub.ts';
import type { Member } from '../../server/src/member/member.ts';
import type { History, WatchedEvent, WatcherRecord, WatchItem } from '../checkers/history.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { pairOf } from './sim-requests.ts';

const ownId = 1;
const otherId = 2;
/** How far back the second watch of a connection begins. */
const pastRevisions = 20;

/**
 * A client that watches a prefix across members: it remembers the next revision it needs, and goes
 * on there after a crash, a change of member, or an end with a reason. Its connection is sometimes
 * full. What it is told goes into the history.
 */
export class SimWatcher {
  readonly name: string;
  readonly #prevKv: boolean;
  readonly #range: { readonly key: ByteString; readonly rangeEnd: ByteString };
  readonly #cluster: SimCluster;
  readonly #coverage: Coverage;
  readonly #history: History;
  readonly #record: WatcherRecord;
  #next = 1;
  #stream: HubStream | undefined;
  #member: Member | undefined;
  #host: SimHost | undefined;
  #life = 0;
  full = false;
  /** How many revisions it takes at a time; undefined for no limit. */
  credits: number | undefined;
  #wasFull = false;

  constructor(
    cluster: SimCluster,
    { coverage, history }: { coverage: Coverage; history: History },
    { name, prefix, prevKv }: { name: string; prefix: ByteString; prevKv: boolean },
  ) {
    this.#cluster = cluster;
    this.#coverage = coverage;
    this.name = name;
    this.#prevKv = prevKv;
    const rangeEnd = (prefix === '' ? '\0' : `${prefix.slice(0, -1)}0`) as ByteString;
    this.#range = { key: (prefix === '' ? '\0' : prefix) as ByteString, rangeEnd };
    this.#history = history;
    this.#record = history.watcher({ name, ...this.#range, prevKv });
  }

  get attached(): boolean {
    return (
      this.#stream?.has(ownId) === true &&
      this.#host?.member === this.#member &&
      this.#member?.running === true
    );
  }

  /** The next revision that it needs. */
  get next(): number {
    return this.#next;
  }

  /** Whether it has been told of all that was written in its range. */
  hasAll(history: readonly KeyValue[]): boolean {
    const last = history.findLast(({ key }) => inRange(this.#range, key));
    return last === undefined || last.modRevision < this.#next;
  }

  attach(host: SimHost, member: Member): void {
    if (this.attached) this.#stream?.close();
    if (this.#host !== undefined && this.#host !== host) {
      this.#coverage.reach('watch resumed on another member');
    }
    const life = ++this.#life;
    this.#host = host;
    this.#member = member;
    const { compactRevision } = member.machine.store;
    if (this.#next < compactRevision) {
      const ended = { type: 'ended', reason: 'compacted', resumeAt: compactRevision } as const;
      this.#record.sessions.push({ member: host.name, from: this.#next, items: [ended] });
      this.#skipTo(compactRevision);
    }
    const items: WatchItem[] = [];
    this.#record.sessions.push({ member: host.name, from: this.#next, items });
    const past = Math.max(1, compactRevision, this.#next - pastRevisions);
    const others = this.#others(host, past);
    const told = (ids: readonly number[], item: WatchItem): boolean => {
      if (ids.includes(otherId)) others.push(item);
      if (ids.includes(ownId)) items.push(item);
      return ids.includes(ownId);
    };
    this.#stream = member.hub.open({
      ready: () => !this.full,
      events: (ids, { revision, events }) => {
        if (life !== this.#life) return;
        if (this.#wasFull) this.#coverage.reach('watch caught up from the log');
        this.#wasFull = false;
        const isOwn = told(ids, { type: 'events', revision, events: events.map(eventOf) });
        if (isOwn) this.#next = revision + 1;
      },
      progress: (ids, revision) => {
        if (life !== this.#life) return;
        this.#coverage.reach('watch told of progress');
        if (told(ids, { type: 'progress', revision })) this.#next = revision + 1;
      },
      ended: (id, { reason, resumeRevision }) => {
        this.#cluster.log(`${this.name} ended at ${host.name}: ${reason}`);
        if (life !== this.#life) return;
        if (!told([id], { type: 'ended', reason, resumeAt: resumeRevision })) return;
        if (reason === 'compacted') this.#skipTo(resumeRevision);
        else this.#next = resumeRevision;
      },
    });
    const spec = {
      ranges: [this.#range],
      prevKv: this.#prevKv,
      noPut: false,
      noDelete: false,
      keysOnly: false,
    };
    const service = { progressNotify: true, credits: this.credits };
    this.#stream.create(ownId, spec, service, this.#next);
    this.#stream.create(otherId, spec, { progressNotify: false, credits: undefined }, past);
    this.#cluster.log(`${this.name} watches from ${this.#next} at ${host.name}`);
    member.wakeUp();
  }

  /** Each time a second watch of the connection reads a part of the past again: both are behind, and not equally. */
  #others(host: SimHost, from: number): WatchItem[] {
    const items: WatchItem[] = [];
    const watch = { name: `${this.name} again`, ...this.#range, prevKv: this.#prevKv };
    this.#history.watcher(watch).sessions.push({ member: host.name, from, items });
    return items;
  }

  /** What it needs next is gone: it goes on with the oldest that is left, as a client does that reads the range anew. */
  #skipTo(revision: number): void {
    this.#coverage.reach('watch lost its place to a compaction');
    this.#next = revision;
  }

  /** From now on it takes whatever comes. */
  readAll(): void {
    this.full = false;
    if (this.attached && this.credits !== undefined) this.#stream?.credit(ownId, 1_000_000);
    this.credits = undefined;
    this.nudge();
  }

  /** Its connection may have room again. */
  nudge(): void {
    if (this.full) this.#wasFull = true;
    else if (this.attached) {
      if (this.credits !== undefined) this.#stream?.credit(ownId, 3);
      this.#stream?.resume();
      this.#member?.wakeUp();
    }
  }
}

function eventOf({ kv, prevKv }: WatchEvent): WatchedEvent {
  const type = isTombstone(kv) ? 'delete' : 'put';
  const prev = prevKv === undefined ? {} : { prev: pairOf(prevKv) };
  return { type, pair: pairOf(kv), ...prev };
}
