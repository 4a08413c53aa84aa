import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { Command } from '../../server/src/core/command.ts';
import type { Applied, Machine } from '../../server/src/core/machine.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Coverage } from './coverage.ts';
import { clockRateMax, type SimCluster } from './sim-cluster.ts';
import type { Call } from './workload.ts';

const ttlMs = 2_000;
/** The members count, and a clock may be fast. */
const promisedMs = Math.floor(ttlMs / clockRateMax);

/** How the value of a key begins that was taken off its lease. */
const freed = 'freed ';

/** A lease as its owner knows it. */
interface Owned {
  readonly id: string;
  /** When the grant or the renewal was sent that was acknowledged last: it lives this long after that, at least. */
  sentAt: number;
  /** Its owner asked for its end, or may have. */
  revoked: boolean;
}

/**
 * Owners of leases: some renew, some forget, some revoke. No lease may end before its time is over,
 * counted from the sending of the last renewal that was acknowledged; and all must end.
 */
export class SimLeases {
  readonly #cluster: SimCluster;
  readonly #coverage: Coverage;
  readonly #value: () => string;
  readonly #owned = new Map<string, Owned>();

  constructor(cluster: SimCluster, coverage: Coverage, value: () => string) {
    this.#cluster = cluster;
    this.#coverage = coverage;
    this.#value = value;
  }

  /** Takes a lease and puts keys on it. */
  grant(call: Call): void {
    const sentAt = this.#cluster.time.now;
    const { client, host } = call;
    client.ask({ type: 'grant', ttlMs: promisedMs }, host, (outcome) => {
      if (outcome.type !== 'ok' || outcome.answer.type !== 'grant') return call.next();
      const { lease } = outcome.answer;
      this.#coverage.reach('lease granted');
      this.#owned.set(lease, { id: lease, sentAt, revoked: false });
      const put = (name: string) => ({
        type: 'put' as const,
        key: `leased/${lease}${name}`,
        value: this.#value(),
        lease,
      });
      // Both, or neither: they will go at one revision.
      const both = { type: 'txn' as const, compare: [], success: [put(''), put('+')], failure: [] };
      client.ask(both, host, () => call.next());
    });
  }

  renewOrRevoke(call: Call, random: Random): void {
    const alive = [...this.#owned.values()].filter(({ revoked }) => !revoked).slice(-4);
    if (alive.length === 0) return call.next();
    const lease = random.pick(alive);
    if (random.oneIn(8)) return this.#revoke(call, lease);
    if (random.oneIn(6)) return this.#detach(call, lease);
    const sentAt = this.#cluster.time.now;
    call.client.ask({ type: 'renew', lease: lease.id }, call.host, (outcome) => {
      const { answer } = outcome.type === 'ok' ? outcome : {};
      if (answer?.type === 'renew' && answer.ttlMs > 0) {
        lease.sentAt = Math.max(lease.sentAt, sentAt);
        this.#coverage.reach('lease renewed');
      }
      call.next();
    });
  }

  /** Writes one of its keys without it: that one is not to go with it. */
  #detach(call: Call, lease: Owned): void {
    // Whether the key is there still is seen by nobody; if it was gone, it is a new one.
    const key = `leased/${lease.id}+`;
    const put = { type: 'put', key, value: `${freed}${this.#value()}` } as const;
    call.client.ask(put, call.host, (outcome) => {
      if (outcome.type === 'ok') this.#coverage.reach('key taken off its lease');
      call.next();
    });
  }

  #revoke(call: Call, lease: Owned): void {
    // Whatever is answered, it may have been revoked.
    lease.revoked = true;
    call.client.ask({ type: 'revoke', lease: lease.id }, call.host, (outcome) => {
      if (outcome.type === 'ok') this.#coverage.reach('lease revoked');
      call.next();
    });
  }

  /** A command was applied for the first time by any member; who was renewed since the leader looked stays. */
  applied(
    { events }: Applied,
    command: Command,
    now: number,
    isThere: (lease: string) => boolean,
  ): void {
    if (command.type !== 'leaseExpire') return;
    const gone = new Set(events.map(({ key }) => key));
    for (const { id } of command.marks) {
      const lease = this.#owned.get(id);
      this.#coverage.reach('lease expired');
      if (gone.has(`leased/${id}` as ByteString)) {
        this.#coverage.reach('lease expired with its keys');
      }
      if (lease === undefined || lease.revoked || isThere(id)) continue;
      assert(
        now >= lease.sentAt + promisedMs,
        `lease ${id} ended ${now - lease.sentAt} ms after a renewal that was acknowledged was sent`,
      );
    }
  }

  /** Nobody renews any more: all of them are over, and their keys gone. */
  checkEnd(machine: Machine): void {
    assert(machine.leases.size === 0, `liveness: ${machine.leases.size} leases never end`);
    const left = machine.store.liveInRange({
      key: 'leased/' as ByteString,
      rangeEnd: 'leased0' as ByteString,
    });
    const attached = left.filter(({ value }) => !value.startsWith(freed));
    assert(attached.length === 0, `${attached[0]?.key} outlives its lease`);
  }
}
