import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Member } from '../../server/src/member/member.ts';
import { Actors } from './actors.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { SimWatcher } from './sim-watcher.ts';

/** What a client was told. */
interface Acknowledged {
  readonly revision: number;
  readonly key: string;
  /** undefined for a delete. */
  readonly value: string | undefined;
}

const keys = ['config/a', 'config/b', 'lock/a', 'lock/b', 'x'];
const callPatienceMs = 8_000;

/** Clients that write, read and watch through whatever member is there, and remember every answer. */
export class Workload {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly acknowledged: Acknowledged[] = [];
  readonly watchers: SimWatcher[] = [];
  readonly actors: Actors;
  #nextValue = 0;
  #highestAcknowledged = 1;
  active = true;
  answered = 0;

  constructor(cluster: SimCluster, random: Random, coverage: Coverage) {
    this.#cluster = cluster;
    this.#random = random;
    this.#coverage = coverage;
    this.actors = new Actors(cluster, random, coverage, (write) => this.#acknowledge(write));
  }

  start(options: { clients: number; watchers: number }): void {
    for (let client = 0; client < options.clients; client++) this.#loop(client);
    for (let at = 0; at < options.watchers; at++) {
      const prefix = ['config/', 'lock/', ''][at % 3] as ByteString;
      const watcher = new SimWatcher(this.#cluster, this.#coverage, { name: `w${at}`, prefix });
      // Some take a few revisions at a time.
      if (at === 1) watcher.credits = 3;
      this.watchers.push(watcher);
      this.#watchLoop(watcher);
    }
  }

  #pickHost(): SimHost | undefined {
    const { running } = this.#cluster;
    return running.length === 0 ? undefined : this.#random.pick(running);
  }

  #loop(client: number): void {
    this.#cluster.time.after(10 + this.#random.below(200), () => {
      if (!this.active) return;
      const host = this.#pickHost();
      if (host?.member === undefined) return this.#loop(client);
      let settled = false;
      // The process may die and never answer; a client gives up after a while.
      const next = (): void => {
        if (settled) return;
        settled = true;
        this.#loop(client);
      };
      this.#cluster.time.after(callPatienceMs, next);
      this.#call(host, host.member, next);
    });
  }

  #call(host: SimHost, member: Member, next: () => void): void {
    const key = this.#random.pick(keys);
    const kind = this.#random.below(14);
    if (kind >= 10) return this.actors.act({ host, member, next });
    if (kind < 6) this.#put(host, member, { key, next });
    else if (kind < 7) this.#delete(host, member, { key, next });
    else this.#read(host, member, { key, next });
  }

  #put(host: SimHost, member: Member, call: { key: string; next: () => void }): void {
    const value = `v${this.#nextValue++}${'.'.repeat(this.#random.below(100))}`;
    if (member.raft.role !== 'leader') this.#coverage.reach('proposal forwarded');
    const { key } = call;
    const command = {
      type: 'put',
      key: key as ByteString,
      value: value as ByteString,
      lease: '0',
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    } as const;
    member.propose(command, (outcome) => {
      if (outcome.ok && outcome.reply.type === 'put') {
        this.#acknowledge({ revision: outcome.revision, key, value });
      } else if (outcome.ok) this.#coverage.reach('write refused for want of space');
      else if (outcome.code === 'no_leader') this.#coverage.reach('call failed without a leader');
      this.#cluster.log(
        `put ${key}=${value.slice(0, 8)} at ${host.name}: ${outcome.ok ? outcome.revision : outcome.code}`,
      );
      call.next();
    });
  }

  #delete(host: SimHost, member: Member, call: { key: string; next: () => void }): void {
    const { key } = call;
    const command = {
      type: 'deleteRange',
      key: key as ByteString,
      rangeEnd: '' as ByteString,
      prevKv: true,
    } as const;
    member.propose(command, (outcome) => {
      if (outcome.ok && outcome.reply.type === 'deleteRange' && outcome.reply.deleted > 0) {
        this.#acknowledge({ revision: outcome.revision, key, value: undefined });
      }
      this.#cluster.log(
        `delete ${key} at ${host.name}: ${outcome.ok ? outcome.revision : outcome.code}`,
      );
      call.next();
    });
  }

  #acknowledge(write: Acknowledged): void {
    this.answered++;
    this.acknowledged.push(write);
    this.#coverage.reach(write.value === undefined ? 'delete acknowledged' : 'put acknowledged');
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, write.revision);
  }

  /** Linearizable: it must see everything that was acknowledged, to anybody, before it was asked. */
  #read(host: SimHost, member: Member, call: { key: string; next: () => void }): void {
    const atLeast = this.#highestAcknowledged;
    member.readIndex((error) => {
      if (error === undefined) {
        const { revision } = member.machine.store;
        assert(
          revision >= atLeast,
          `stale read: ${host.name} answered at revision ${revision}, ${atLeast} was acknowledged before`,
        );
        this.answered++;
        if (member.raft.role === 'follower') {
          this.#coverage.reach('linearizable read answered by a follower');
        }
      }
      this.#cluster.log(
        `read ${call.key} at ${host.name}: ${error ?? member.machine.store.revision}`,
      );
      call.next();
    });
  }

  /** Attaches the watcher wherever it can, again and again. */
  #watchLoop(watcher: SimWatcher): void {
    this.#cluster.time.after(50 + this.#random.below(400), () => {
      if (!watcher.attached || this.#random.oneIn(40)) {
        const host = this.#pickHost();
        if (host?.member !== undefined) watcher.attach(host, host.member);
      }
      watcher.full = this.active && this.#random.oneIn(4);
      watcher.nudge();
      if (this.active) this.#watchLoop(watcher);
    });
  }

  /** Everything acknowledged is there, exactly once, at its revision. */
  checkAcknowledged(history: readonly KeyValue[]): void {
    const byRevision = new Map(history.map((event) => [event.modRevision, event]));
    for (const { revision, key, value } of this.acknowledged) {
      const event = byRevision.get(revision);
      const found = event?.version === 0 ? undefined : event?.value;
      assert(
        event?.key === key && found === value,
        `lost: ${key}=${value} was acknowledged at revision ${revision}, the store has ${event?.key}=${found}`,
      );
    }
    const values = history.filter(({ version }) => version > 0).map((event) => event.value);
    assert(new Set(values).size === values.length, 'a put was applied twice');
  }
}
