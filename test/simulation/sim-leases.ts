import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { Command } from '../../server/src/core/command.ts';
import type { Applied, Machine } from '../../server/src/core/machine.ts';
import { type ByteString, noLease } from '../../server/src/core/mvcc/values.ts';
import type { Call } from './actors.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster } from './sim-cluster.ts';

const ttlSeconds = 2;

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
  readonly #owned = new Map<string, Owned>();

  constructor(cluster: SimCluster, coverage: Coverage) {
    this.#cluster = cluster;
    this.#coverage = coverage;
  }

  /** Takes a lease and puts a key on it. */
  grant(call: Call, value: () => string): void {
    const sentAt = this.#cluster.time.now;
    const command = { type: 'leaseGrant', id: noLease, ttl: ttlSeconds } as const;
    call.member.propose(command, (outcome) => {
      if (!outcome.ok || outcome.reply.type !== 'leaseGrant') return call.next();
      const { id } = outcome.reply;
      this.#cluster.log(`lease ${id} granted at ${call.host.name}`);
      this.#coverage.reach('lease granted');
      this.#owned.set(id, { id, sentAt, revoked: false });
      if (!call.member.running) return call.next();
      const put: Command = {
        type: 'put',
        key: `leased/${id}` as ByteString,
        value: value() as ByteString,
        lease: id,
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      };
      call.member.propose(put, () => call.next());
    });
  }

  renewOrRevoke(call: Call, random: Random): void {
    const alive = [...this.#owned.values()].filter(({ revoked }) => !revoked).slice(-4);
    if (alive.length === 0) return call.next();
    const lease = random.pick(alive);
    if (random.oneIn(8)) return this.#revoke(call, lease);
    const sentAt = this.#cluster.time.now;
    call.member.chores.leases.renew(lease.id, (error, ttl) => {
      this.#cluster.log(`renew ${lease.id} at ${call.host.name}: ${error ?? ttl}`);
      if (error === undefined && ttl > 0) {
        lease.sentAt = Math.max(lease.sentAt, sentAt);
        this.#coverage.reach('lease renewed');
      }
      call.next();
    });
  }

  #revoke(call: Call, lease: Owned): void {
    // Whatever is answered, it may have been revoked.
    lease.revoked = true;
    call.member.propose({ type: 'leaseRevoke', id: lease.id }, (outcome) => {
      if (outcome.ok && outcome.reply.type === 'done') this.#coverage.reach('lease revoked');
      call.next();
    });
  }

  /** A command was applied for the first time by any member. */
  applied({ events }: Applied, command: Command, now: number): void {
    if (command.type !== 'leaseExpire') return;
    const gone = new Set(events.map(({ key }) => key));
    for (const { id } of command.marks) {
      const lease = this.#owned.get(id);
      this.#coverage.reach('lease expired');
      if (gone.has(`leased/${id}` as ByteString))
        this.#coverage.reach('lease expired with its keys');
      if (lease === undefined || lease.revoked || !gone.has(`leased/${id}` as ByteString)) continue;
      assert(
        now >= lease.sentAt + ttlSeconds * 1_000,
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
    assert(left.length === 0, `${left[0]?.key} outlives its lease`);
  }
}
