import { assert } from '../../server/src/core/base/assert.ts';
import { inRange } from '../../server/src/core/mvcc/key-range.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { HubStream } from '../../server/src/core/watch/watch-hub.ts';
import type { Member } from '../../server/src/member/member.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';

interface Seen {
  readonly revision: number;
  readonly key: string;
  readonly version: number;
  readonly value: string;
}

/**
 * A client that watches a prefix across members: it remembers the next revision it needs, and goes
 * on there after a crash, a change of member, or an end with a reason. Its connection is sometimes
 * full.
 */
export class SimWatcher {
  readonly name: string;
  readonly prefix: ByteString;
  readonly seen: Seen[] = [];
  /** Revisions that were compacted away before it could read them: from, up to but without. */
  readonly gaps: { from: number; to: number }[] = [];
  readonly #cluster: SimCluster;
  readonly #coverage: Coverage;
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
    coverage: Coverage,
    watch: { name: string; prefix: ByteString },
  ) {
    this.#cluster = cluster;
    this.#coverage = coverage;
    this.name = watch.name;
    this.prefix = watch.prefix;
  }

  get attached(): boolean {
    return (
      this.#stream?.has(1) === true &&
      this.#host?.member === this.#member &&
      this.#member?.running === true
    );
  }

  attach(host: SimHost, member: Member): void {
    if (this.attached) this.#stream?.close();
    if (this.#host !== undefined && this.#host !== host) {
      this.#coverage.reach('watch resumed on another member');
    }
    const life = ++this.#life;
    this.#host = host;
    this.#member = member;
    this.#stream = member.hub.open({
      ready: () => !this.full,
      events: (_ids, batch) => {
        if (life !== this.#life) return;
        assert(
          batch.revision >= this.#next,
          `${this.name} got revision ${batch.revision} from ${host.name}, it asked from ${this.#next}`,
        );
        if (this.#wasFull) this.#coverage.reach('watch caught up from the log');
        this.#wasFull = false;
        for (const { kv } of batch.events) {
          const { modRevision: revision, key, version, value } = kv;
          this.seen.push({ revision, key, version, value });
        }
        this.#next = batch.revision + 1;
      },
      progress: (_ids, revision) => {
        if (life !== this.#life) return;
        assert(revision >= this.#next - 1, `${this.name}: progress went back to ${revision}`);
        this.#coverage.reach('watch told of progress');
        this.#next = revision + 1;
      },
      ended: (_id, end) => {
        this.#cluster.log(`${this.name} ended at ${host.name}: ${end.reason}`);
        if (life === this.#life && end.reason === 'compacted') this.#skipTo(end.resumeRevision);
      },
    });
    const { compactRevision } = member.machine.store;
    if (this.#next < compactRevision) this.#skipTo(compactRevision);
    const rangeEnd = (this.prefix === '' ? '\0' : `${this.prefix.slice(0, -1)}0`) as ByteString;
    const ranges = [{ key: this.prefix, rangeEnd }];
    const spec = { ranges, prevKv: false, noPut: false, noDelete: false, keysOnly: false };
    const service = { progressNotify: true, credits: this.credits };
    this.#stream.create(1, spec, service, this.#next);
    this.#cluster.log(`${this.name} watches from ${this.#next} at ${host.name}`);
    member.wakeUp();
  }

  /** What it needs next is gone: it goes on with the oldest that is left, as a client does that reads the range anew. */
  #skipTo(revision: number): void {
    this.#coverage.reach('watch lost its place to a compaction');
    this.gaps.push({ from: this.#next, to: revision });
    this.#next = revision;
  }

  /** From now on it takes whatever comes. */
  readAll(): void {
    this.full = false;
    if (this.attached && this.credits !== undefined) this.#stream?.credit(1, 1_000_000);
    this.credits = undefined;
    this.nudge();
  }

  /** Its connection may have room again. */
  nudge(): void {
    if (this.full) this.#wasFull = true;
    else if (this.attached) {
      if (this.credits !== undefined) this.#stream?.credit(1, 3);
      this.#stream?.resume();
      this.#member?.wakeUp();
    }
  }

  /** What it saw is what happened up to there: all of it, once, in order. */
  check(history: readonly KeyValue[], complete: boolean): void {
    const rangeEnd = (this.prefix === '' ? '\0' : `${this.prefix.slice(0, -1)}0`) as ByteString;
    const range = { key: this.prefix, rangeEnd };
    const due = history.filter(
      ({ key, modRevision }) =>
        inRange(range, key) &&
        (complete || modRevision < this.#next) &&
        !this.gaps.some(({ from, to }) => modRevision >= from && modRevision < to),
    );
    const told = this.seen.map(({ revision, key, version, value }) => [
      revision,
      key,
      version,
      value,
    ]);
    const truth = due.map((kv) => [kv.modRevision, kv.key, kv.version, kv.value]);
    assert(
      JSON.stringify(told) === JSON.stringify(truth),
      `${this.name} saw ${told.length} events of ${truth.length}, or others, or in another order`,
    );
  }
}
