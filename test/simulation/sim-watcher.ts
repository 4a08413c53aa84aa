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
  readonly #cluster: SimCluster;
  readonly #coverage: Coverage;
  #next = 1;
  #stream: HubStream | undefined;
  #member: Member | undefined;
  #host: SimHost | undefined;
  #life = 0;
  full = false;
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
      ended: (_id, end) => this.#cluster.log(`${this.name} ended at ${host.name}: ${end.reason}`),
    });
    const rangeEnd = (this.prefix === '' ? '\0' : `${this.prefix.slice(0, -1)}0`) as ByteString;
    this.#stream.create(1, { key: this.prefix, rangeEnd, prevKv: false }, this.#next);
    this.#cluster.log(`${this.name} watches from ${this.#next} at ${host.name}`);
    member.wakeWatches();
  }

  /** Its connection may have room again. */
  nudge(): void {
    if (this.full) this.#wasFull = true;
    else if (this.attached) this.#member?.wakeWatches();
  }

  /** What it saw is what happened up to there: all of it, once, in order. */
  check(history: readonly KeyValue[], complete: boolean): void {
    const rangeEnd = (this.prefix === '' ? '\0' : `${this.prefix.slice(0, -1)}0`) as ByteString;
    const range = { key: this.prefix, rangeEnd };
    const due = history.filter(
      ({ key, modRevision }) => inRange(range, key) && (complete || modRevision < this.#next),
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
