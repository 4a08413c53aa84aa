import { assert } from '../../server/src/core/base/assert.ts';
import { Random } from '../../server/src/core/base/random.ts';
import { type Build, thisBuild } from '../../server/src/core/cluster-version.ts';
import type { MemberRecord } from '../../server/src/core/member-table.ts';
import type { MembershipChange } from '../../server/src/core/raft/membership.ts';
import { openDirectory, type Recovered } from '../../server/src/member/bootstrap.ts';
import { clusterIdOf, memberIdOf } from '../../server/src/member/cluster-identity.ts';
import type { MemberEvent } from '../../server/src/member/events.ts';
import { Member } from '../../server/src/member/member.ts';
import type { PeerNetwork } from '../../server/src/ports.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { SimNetwork } from '../../server/testing/sim-network.ts';
import { SimClock, SimTime } from '../../server/testing/sim-time.ts';
import { tightLimits } from '../harness/tight-limits.ts';
import type { Checks } from './checks.ts';
import type { Coverage } from './coverage.ts';
import { Cut, CutDisk, CutPlan, cutNetwork } from './crash-points.ts';

export const { tickMs } = tightLimits;
export const { electionTicks } = tightLimits.raft;
/** Links live through a sleep of this length. */
const shortSleepMs = 1_500;

/** So much faster than true time a member's clock may run, or slower. */
export const clockRateMax = 1.03;
const token = 'simulated';
const oneByOneLimits = {
  ...tightLimits,
  raft: { ...tightLimits.raft, messageBytesMax: 1, inflightMessagesMax: 1 },
};

/** One simulated machine: its disk outlives its processes. */
export interface SimHost {
  readonly name: string;
  readonly address: string;
  readonly memberId: string;
  /** False for one that is added while the cluster runs. */
  readonly founding: boolean;
  /** What its processes can do from their next start on. */
  build: Build;
  disk: SimDisk;
  clock: SimClock;
  /** The running process, or undefined while it is down. */
  member: Member | undefined;
  /** Goes up with each start, so that callbacks of an earlier life can be told apart. */
  life: number;
  paused: boolean;
  /** When it was paused last, and when it went on. */
  pausedAt: number;
  resumedAt: number;
  /** Where its process may be cut off. */
  cuts: CutPlan;
  /** Why its process may stop by itself up to which life, since that was done to it. */
  readonly mayFail: { readonly why: RegExp; readonly untilLife: number }[];
  /** Told when it stopped by itself, for that reason. */
  failed: (() => void) | undefined;
  /** From its start until it runs or has failed. */
  isStarting: boolean;
  /** Its disk is lost or damaged: it will never be a member again, and has to be replaced by another. */
  isLost: boolean;
}

/**
 * A whole cluster in one process from one seed: the production member, core and log, over a
 * simulated disk, network and clock.
 */
export class SimCluster {
  readonly time = new SimTime();
  readonly random: Random;
  readonly network: SimNetwork;
  readonly hosts: SimHost[] = [];
  readonly #seed: number;
  readonly #checks: Checks;
  readonly #coverage: Coverage;
  readonly #clusterId: string;
  readonly #build: Build;
  readonly #limits: typeof tightLimits | typeof oneByOneLimits;
  readonly #founders: MemberRecord[] = [];
  readonly #trace: (line: string) => void;
  readonly #happened: (host: SimHost, event: MemberEvent) => void;
  #stamped = 0;
  /** The newest term that was led, and since when. */
  #ledSince = { term: 0, at: 0 };
  /** A process has ended. */
  onDown: (host: SimHost) => void = () => {};
  /** Asked of every frame whether it gets on its way; `again` sends it once more. */
  onSend: (from: SimHost, to: string, frame: Uint8Array, again: () => void) => boolean = () => true;
  /** Something has happened. */
  onStep: () => void = () => {};

  constructor(options: {
    seed: number;
    voters: number;
    joiners: number;
    checks: Checks;
    coverage: Coverage;
    trace: (line: string) => void;
    /** What all hosts can do at first; a host's own may be changed before it starts. */
    build?: Build;
    /** Each follower is sent one entry at a time, and the next when it has answered. */
    oneByOne?: boolean;
    /** Told of what a member tells of itself. */
    happened?: (host: SimHost, event: MemberEvent) => void;
  }) {
    this.#seed = options.seed;
    this.random = new Random(options.seed);
    this.network = new SimNetwork(this.time, new Random(this.random.next()));
    this.#checks = options.checks;
    this.#checks.now = () => this.time.now;
    this.#build = options.build ?? thisBuild;
    this.#limits = options.oneByOne === true ? oneByOneLimits : tightLimits;
    this.#coverage = options.coverage;
    this.#trace = options.trace;
    this.#happened = options.happened ?? (() => {});
    const names = 'abcdefghi'.slice(0, options.voters + options.joiners);
    const initial = [...names.slice(0, options.voters)].map((name) => ({
      name,
      address: `${name}:2380`,
    }));
    this.#clusterId = clusterIdOf(initial, token);
    for (const [at, name] of [...names].entries()) {
      const address = `${name}:2380`;
      const memberId = memberIdOf({ name, address }, this.#clusterId);
      const founding = at < options.voters;
      if (founding) this.#founders.push(recordOf({ name, address, memberId }));
      if (founding) this.#checks.reference.members.set(recordOf({ name, address, memberId }));
      this.#addHost(name, founding);
    }
  }

  /** One more machine, which is to become a member in the place of a lost one. */
  addHost(name: string): SimHost {
    return this.#addHost(name, false);
  }

  #addHost(name: string, founding: boolean): SimHost {
    const address = `${name}:2380`;
    const host: SimHost = {
      name,
      address,
      memberId: memberIdOf({ name, address }, this.#clusterId),
      founding,
      build: this.#build,
      disk: this.#newDisk(),
      clock: new SimClock(this.time),
      member: undefined,
      life: 0,
      paused: false,
      pausedAt: 0,
      resumedAt: 0,
      cuts: new CutPlan(() => {}),
      mayFail: [],
      failed: undefined,
      isStarting: false,
      isLost: false,
    };
    this.hosts.push(host);
    return host;
  }

  /** A new disk in the place of what was there. */
  loseDisk(host: SimHost): void {
    host.disk = this.#newDisk();
    this.#checks.forget(host);
    this.log(`${host.name} has a new, empty disk`);
  }

  /** The time, a little later at each call, so that a history has an order. */
  stamp(): number {
    this.#stamped = Math.max(this.time.now, this.#stamped + 1e-6);
    return this.#stamped;
  }

  /** Small in every fourth run, so that there the space runs out. */
  get #quotaBytes(): number {
    return this.#seed % 4 === 3 ? 5 * 1024 : 1024 * 1024;
  }

  #newDisk(): SimDisk {
    return new SimDisk({
      seed: this.random.next(),
      schedule: (delayMs, run) => this.time.after(delayMs, run),
      // A slow disk has more under way when its machine crashes.
      latencyMsMax: this.random.pick([1, 3, 20]),
    });
  }

  /** Runs the next event. False when there is none. */
  step(): boolean {
    const more = this.#stepOf();
    this.onStep();
    return more;
  }

  #stepOf(): boolean {
    try {
      return this.time.step();
    } catch (error) {
      // The process that it happened in is no more; the others know nothing of that.
      if (error instanceof Cut) return true;
      throw error;
    }
  }

  log(line: string): void {
    this.#trace(`${this.time.now.toFixed(1).padStart(9)} ${line}`);
  }

  host(name: string): SimHost {
    const host = this.hosts.find((one) => one.name === name);
    assert(host !== undefined, `there is no host ${name}`);
    return host;
  }

  /** Starts the process of a host on what its disk holds. */
  start(host: SimHost): void {
    assert(host.member === undefined, `${host.name} runs already`);
    host.life++;
    // What was done to it has had no consequence.
    if (host.mayFail.every(({ untilLife }) => untilLife < host.life)) host.failed = undefined;
    host.paused = false;
    host.isStarting = true;
    const { life } = host;
    const clock = new SimClock(this.time, this.random.pick([1, 1, 1 / clockRateMax, clockRateMax]));
    host.clock = clock;
    host.cuts = new CutPlan((point) => {
      if (host.life !== life) return;
      this.log(`${host.name} is cut off ${point}`);
      this.#coverage.reachCut(point);
      this.crash(host);
    });
    const fatal = (error: Error): void => {
      if (host.life !== life) return;
      this.log(`${host.name} stopped by itself: ${error.message}`);
      this.#checks.memberFailed(host, error);
      const { failed } = host;
      host.failed = undefined;
      this.crash(host);
      failed?.();
    };
    const identity = {
      clusterId: this.#clusterId,
      memberId: host.memberId,
      directoryId: `${host.name}${this.random.below(1_000_000)}`,
      name: host.name,
    };
    const options = {
      identity,
      members: this.#founders,
      founding: host.founding,
      build: host.build,
      segmentBytes: 16 * 1024,
      monotonicMs: () => clock.monotonicMs(),
      walFailed: (error: Error) => host.member?.fail(error),
    };
    openDirectory(new CutDisk(host.disk, host.cuts), options, (error, recovered) => {
      if (host.life !== life) return;
      host.isStarting = false;
      if (recovered === undefined) return fatal(error ?? new Error('nothing was recovered'));
      clock.run(() => this.#run(host, recovered, fatal));
    });
  }

  #run(host: SimHost, recovered: Recovered, fatal: (error: Error) => void): void {
    const { clock } = host;
    for (const warning of recovered.warnings) this.log(`${host.name} warns: ${warning}`);
    if (recovered.warnings.length > 0) this.#coverage.reach('torn log tail cut off');
    const member = new Member(
      {
        name: host.name,
        memberId: host.memberId,
        clusterId: this.#clusterId,
        directoryId: recovered.identity.directoryId,
        initialCluster: this.#founders
          .map(({ name, peerAddress }) => `${name}=${peerAddress}`)
          .join(),
        peerAddress: host.address,
        clientAddress: `${host.name}:2379`,
        seed: this.random.next(),
        incarnation: this.random.next(),
        ...this.#limits,
        quotaBytes: this.#quotaBytes,
        events: {
          happened: (event) => {
            this.log(`${host.name} ${event.sentence}`);
            this.#coverage.reachFrom(event.name);
            this.#happened(host, event);
            if (event.name === 'became_leader') {
              this.#ledSince = { term: host.member?.raft.term ?? 0, at: this.time.now };
            }
            if (event.name === 'snapshot_installed')
              host.cuts.reach('after a snapshot was installed');
            if (event.name === 'compacted') host.cuts.reach('after memory was swept');
          },
          failed: fatal,
          applied: (entry) => {
            const command = this.#checks.applied(host, entry, this.time.now);
            host.cuts.reach('after an entry was applied');
            if (command === 'compact') host.cuts.reach('after a compaction was applied');
          },
        },
      },
      { clock, network: this.#networkOf(host, clock) },
      recovered,
    );
    host.member = member;
    this.#checks.started(host, member);
    member.start();
    this.log(`${host.name} started at index ${member.appliedIndex} of ${member.raft.lastIndex}`);
  }

  #networkOf(host: SimHost, clock: SimClock): PeerNetwork {
    const network = this.network.host(host.address, clock);
    return cutNetwork(network, host.cuts, {
      leads: () => host.member?.raft.role === 'leader',
      sent: (frame, to, again) => {
        this.#checks.sent(host, frame);
        return this.onSend(host, to, frame, again);
      },
    });
  }

  /** kill -9, with what that does to writes that were not synced. */
  crash(host: SimHost): void {
    this.#down(host);
    host.disk.crash();
    this.log(`${host.name} crashed`);
  }

  /** The process ends in order. */
  stop(host: SimHost): void {
    host.member?.close();
    this.#down(host);
    this.log(`${host.name} stopped`);
  }

  #down(host: SimHost): void {
    host.life++;
    host.paused = false;
    host.isStarting = false;
    host.member = undefined;
    host.clock.kill();
    this.network.unplug(host.address);
    this.onDown(host);
  }

  pause(host: SimHost): void {
    host.paused = true;
    host.pausedAt = this.time.now;
    host.clock.pause();
    this.log(`${host.name} paused`);
  }

  resume(host: SimHost): void {
    host.paused = false;
    host.resumedAt = this.time.now;
    if (this.#wasSpokenTo(host)) this.#checks.woke(host, this.time.now + tickMs);
    this.log(`${host.name} goes on`);
    host.clock.resume();
  }

  /** Whether it slept so shortly that its leader kept the link up, and what the leader said has arrived. */
  #wasSpokenTo(host: SimHost): boolean {
    const { leader, network, time } = this;
    const slept = time.now - host.pausedAt;
    const member = leader?.member;
    return (
      slept < shortSleepMs &&
      network.calmSince < host.pausedAt - shortSleepMs &&
      network.faults.lossOneIn === 0 &&
      network.faults.breakOneIn === 0 &&
      member !== undefined &&
      leader !== host &&
      host.member?.raft.leader === leader?.memberId &&
      host.member?.raft.term === member.raft.term &&
      this.#ledSince.at < host.pausedAt - shortSleepMs &&
      (leader?.resumedAt ?? 0) < host.pausedAt - shortSleepMs &&
      this.#ledSince.term === member.raft.term
    );
  }

  get running(): SimHost[] {
    return this.hosts.filter(({ member, paused }) => member?.running === true && !paused);
  }

  /** The member that leads the newest term, if one does. */
  get leader(): SimHost | undefined {
    return this.running
      .filter(({ member }) => member?.raft.role === 'leader')
      .sort((left, right) => (right.member?.raft.term ?? 0) - (left.member?.raft.term ?? 0))[0];
  }

  /** Asks the leader for a change of membership; a sentence when it is refused. */
  change(changes: MembershipChange['changes'], added?: SimHost): string | undefined {
    const { leader } = this;
    if (leader?.member === undefined) return 'there is no leader';
    const context = added === undefined ? '' : JSON.stringify(recordOf(added));
    const refused = leader.member.changeMembership({ changes, transition: 'auto', context });
    const words = changes.map(({ action, member }) => `${action} ${this.#nameOf(member)}`).join();
    this.log(`${leader.name} is asked: ${words}${refused === undefined ? '' : `; no: ${refused}`}`);
    return refused;
  }

  #nameOf(memberId: string): string {
    return this.hosts.find((host) => host.memberId === memberId)?.name ?? memberId;
  }
}

function recordOf(host: { name: string; address: string; memberId: string }): MemberRecord {
  return {
    memberId: host.memberId,
    name: host.name,
    peerAddress: host.address,
    clientAddress: '',
    directoryId: '',
  };
}
