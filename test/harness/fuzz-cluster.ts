import assert from 'node:assert/strict';
import type { ByteString } from '@lockstep/client/protocol';
import { Random } from '../../server/src/core/base/random.ts';
import type { MemberRecord } from '../../server/src/core/member-table.ts';
import type { Entry } from '../../server/src/core/raft/types.ts';
import { openDirectory } from '../../server/src/member/bootstrap.ts';
import { Member } from '../../server/src/member/member.ts';
import {
  decodeFrame,
  encodeFrame,
  type Introduction,
  peerProtocolVersion,
} from '../../server/src/member/peer-frame.ts';
import type { PeerLink, PeerNetwork } from '../../server/src/ports.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { SimNetwork } from '../../server/testing/sim-network.ts';
import { SimClock, SimTime } from '../../server/testing/sim-time.ts';
import { tightLimits } from './tight-limits.ts';

const kibibyte = 1024;
const clusterId = '4711';
/** Who calls the members and is none. */
export const strangerId = '999';
const strangerAddress = 'x:2380';

interface Host {
  readonly record: MemberRecord;
  member: Member | undefined;
  /** Why it stopped by itself. */
  failure: Error | undefined;
}

/**
 * Three production members over a simulated network, on which somebody else speaks as well. Every
 * applied entry and every leader is looked at.
 */
export class AttackedCluster {
  readonly time = new SimTime();
  readonly hosts: Host[];
  readonly #network: SimNetwork;
  readonly #stranger: PeerNetwork;
  readonly #random: Random;
  readonly #links: (PeerLink | undefined)[] = [];
  readonly #applied = new Map<number, string>();
  readonly #leaders = new Map<number, string>();
  readonly #acknowledged = new Map<string, string>();
  /** What the stranger says to whoever dials it, after a welcome. */
  replies: Uint8Array[] = [];
  #writes = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#network = new SimNetwork(this.time, new Random(seed));
    this.hosts = ['a', 'b', 'c'].map((name, at) => ({
      record: {
        memberId: String(at + 1),
        name,
        peerAddress: `${name}:2380`,
        clientAddress: '',
        directoryId: '',
      },
      member: undefined,
      failure: undefined,
    }));
    for (const host of this.hosts) this.#start(host);
    this.#stranger = this.#network.host(strangerAddress, new SimClock(this.time));
    this.#stranger.accept((link) => ({
      opened: () => {},
      frame: (bytes) => {
        if (decodeFrame(bytes).type !== 'hello') return;
        link.send(encodeFrame({ type: 'welcome', self: this.introduction(strangerId) }));
        for (const reply of this.replies) link.send(reply);
      },
      drained: () => {},
      closed: () => {},
    }));
    this.until(() => this.hosts.every(({ member }) => (member?.raft.leader ?? '') !== ''));
  }

  #start(host: Host): void {
    const { name, memberId, peerAddress } = host.record;
    const clock = new SimClock(this.time);
    const disk = new SimDisk({
      seed: this.#random.next(),
      schedule: (delayMs, run) => this.time.afterInside(delayMs, run),
    });
    const fail = (error: Error): void => {
      host.failure ??= error;
    };
    const identity = { clusterId, memberId, directoryId: `directory of ${name}`, name };
    const options = {
      identity,
      members: this.hosts.map(({ record }) => record),
      founding: true,
      segmentBytes: 16 * kibibyte,
      monotonicMs: () => clock.monotonicMs(),
      walFailed: fail,
    };
    openDirectory(disk, options, (error, recovered) => {
      if (recovered === undefined) return fail(error ?? new Error('nothing was recovered'));
      host.member = new Member(
        {
          name,
          memberId,
          clusterId,
          directoryId: identity.directoryId,
          initialCluster: 'a,b,c',
          peerAddress,
          clientAddress: `${name}:2379`,
          seed: this.#random.next(),
          incarnation: this.#random.next(),
          ...tightLimits,
          quotaBytes: 1024 * kibibyte,
          events: {
            happened: () => {},
            failed: fail,
            applied: (entry) => this.#checkApplied(entry),
          },
        },
        { clock, network: this.#network.host(peerAddress, clock) },
        recovered,
      );
      host.member.start();
    });
  }

  /** State machine safety: at one index all members apply the same. */
  #checkApplied(entry: Entry): void {
    if (!this.checksSafety) return;
    const what = `${entry.term} ${entry.kind} ${Buffer.from(entry.payload).toString('base64')}`;
    const other = this.#applied.get(entry.index);
    if (other === undefined) this.#applied.set(entry.index, what);
    else assert.equal(what, other, `entry ${entry.index} differs between members`);
  }

  /** Off while somebody speaks as a leader, whom a cluster must believe. */
  checksSafety = true;

  /** Election safety: one leader in a term. */
  #checkLeaders(): void {
    if (!this.checksSafety) return;
    for (const { member, record } of this.hosts) {
      if (member?.raft.role !== 'leader') continue;
      const known = this.#leaders.get(member.raft.term) ?? record.memberId;
      assert.equal(record.memberId, known, `two leaders in term ${member.raft.term}`);
      this.#leaders.set(member.raft.term, known);
    }
  }

  get leader(): Host | undefined {
    return this.hosts
      .filter(({ member }) => member?.running === true && member.raft.role === 'leader')
      .sort((one, other) => (other.member?.raft.term ?? 0) - (one.member?.raft.term ?? 0))[0];
  }

  get term(): number {
    return Math.max(...this.hosts.map(({ member }) => member?.raft.term ?? 0));
  }

  introduction(memberId: string): Introduction {
    const record = this.hosts.find((host) => host.record.memberId === memberId)?.record;
    const name = record?.name ?? 'x';
    return {
      protocol: peerProtocolVersion,
      clusterId,
      initialCluster: 'a,b,c',
      memberId,
      directoryId: `directory of ${name}`,
      name,
      peerAddress: record?.peerAddress ?? strangerAddress,
      clientAddress: 'x:2379',
      fresh: false,
      // A stranger says that everybody here is out of date.
      versions: { lowest: 1, highest: record === undefined ? 9 : 1 },
      clusterVersion: record === undefined ? 9 : 1,
    };
  }

  /** Sends frames to one member on a link of their own, greeting it first as `memberId` if that is given. */
  say(to: number, memberId: string | undefined, frames: readonly Uint8Array[]): void {
    const { record } = this.hosts[to % this.hosts.length] ?? assert.fail('no such host');
    const link = this.#stranger.dial(record.peerAddress, {
      opened: () => {
        if (memberId !== undefined) {
          const self = this.introduction(memberId);
          link.send(encodeFrame({ type: 'hello', to: record.memberId, self }));
        }
        for (const frame of frames) link.send(frame);
      },
      frame: () => {},
      drained: () => {},
      closed: () => {},
    });
    this.#links.push(link);
    if (this.#links.length > 40) this.#links.shift()?.close();
  }

  /** Asks the leader for a write, if there is one; what is acknowledged must stay. */
  write(): void {
    const { member } = this.leader ?? {};
    if (member === undefined) return;
    const key = `w/${++this.#writes}` as ByteString;
    const value = `v${this.#writes}` as ByteString;
    const put = { key, value, lease: '0', prevKv: false, ignoreValue: false, ignoreLease: false };
    member.propose({ type: 'put', ...put }, (outcome) => {
      if (outcome.ok) this.#acknowledged.set(key, value);
    });
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  advance(ms: number): void {
    const until = this.time.now + ms;
    while (this.time.nextAt !== undefined && this.time.nextAt <= until) {
      this.time.step();
      this.#checkLeaders();
    }
    this.time.moveTo(until);
  }

  /** @throws AssertionError when it does not come true within a minute of virtual time. */
  until(condition: () => boolean): void {
    for (let ms = 0; ms < 60_000 && !condition(); ms += 100) this.advance(100);
    assert.ok(condition(), `nothing came of it: ${this.#describe()}`);
  }

  #describe(): string {
    return this.hosts
      .map(({ record, member, failure }) => {
        const place = `term ${member?.raft.term}, applied ${member?.appliedIndex}`;
        return `${record.name}: ${failure?.message ?? `${member?.raft.role} at ${place}`}`;
      })
      .join('; ');
  }

  /** Nobody has stopped, the cluster takes writes, all have the same state, and nothing is lost. */
  checkSound(): void {
    for (const { record, failure } of this.hosts) {
      assert.equal(failure, undefined, `${record.name} stopped: ${failure?.stack}`);
    }
    for (const link of this.#links.splice(0)) link?.close();
    const before = this.acknowledged;
    this.until(() => {
      this.write();
      return this.acknowledged > before;
    });
    this.until(() => {
      const places = this.hosts.map(({ member }) => member?.appliedIndex);
      return new Set(places).size === 1 && this.leader?.member?.proposals.count === 0;
    });
    const hashes = this.hosts.map(({ member }) => member?.machine.hash());
    assert.equal(new Set(hashes).size, 1, `states differ: ${hashes.join()}`);
    const store = this.hosts[0]?.member?.machine.store;
    for (const [key, value] of this.#acknowledged) {
      assert.equal(store?.get(key as ByteString)?.value, value, `${key} is lost`);
    }
  }

  close(): void {
    for (const { member } of this.hosts) member?.close();
  }
}
