import { Random } from '../../server/src/core/base/random.ts';
import {
  isJoint,
  leaveJoint,
  type MembershipChange,
} from '../../server/src/core/raft/membership.ts';
import type { WriteBatch } from '../../server/src/core/raft/ready.ts';
import type { SnapshotMeta } from '../../server/src/core/raft/types.ts';
import type { RaftHost } from './raft-host.ts';
import { RaftWorld } from './raft-world.ts';

const pool = ['1', '2', '3', '4', '5', '6'];
const inFlightMax = 150;

/** Chances out of 1000 per step; the rest is delivery. */
const chances: readonly (readonly [number, keyof typeof acts])[] = [
  [230, 'persist'],
  [150, 'tick'],
  [60, 'propose'],
  [30, 'read'],
  [12, 'crash'],
  [25, 'change'],
  [8, 'transfer'],
  [20, 'snapshot'],
  [20, 'campaign'],
  [6, 'cut'],
  [10, 'unreachable'],
];

const acts = {
  persist: (run: RandomRun) => run.persist(),
  tick: (run: RandomRun) => run.tick(),
  propose: (run: RandomRun) => run.propose(),
  read: (run: RandomRun) => run.ask(),
  crash: (run: RandomRun) => run.crashOrRestart(),
  campaign: (run: RandomRun) => run.campaign(),
  change: (run: RandomRun) => run.change(),
  transfer: (run: RandomRun) => run.transfer(),
  snapshot: (run: RandomRun) => run.snapshot(),
  cut: (run: RandomRun) => run.cutOrHeal(),
  unreachable: (run: RandomRun) => run.unreachable(),
};

/** A cluster that everything happens to, all of it drawn from one seed. */
export class RandomRun extends RaftWorld {
  /** How often something worth reaching was reached. */
  readonly reached = new Map<string, number>();
  readonly #random: Random;
  /** From 0, where messages and writes arrive in order, to 9, where hardly anything does. */
  readonly #roughness: number;
  #proposals = 0;

  constructor(seed: number, trace?: (line: string) => void) {
    const random = new Random(seed);
    const voters = pool.slice(0, 1 + random.below(5));
    const limits = {
      electionTicks: 3,
      heartbeatTicks: 1,
      preVote: random.oneIn(2),
      checkQuorum: random.oneIn(2),
      messageBytesMax: 100,
      commitBytesMax: 100,
      uncommittedBytesMax: 500,
      inflightMessagesMax: 1 + random.below(4),
    };
    super({ voters, limits, seed }, trace);
    this.#random = random;
    this.#roughness = random.below(10);
    for (const host of this.hosts.values()) host.held = true;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#act();
  }

  #act(): void {
    let draw = this.#random.below(1000);
    for (const [chance, act] of chances) {
      if (draw < chance) return acts[act](this);
      draw -= chance;
    }
    this.#network();
  }

  #count(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1);
  }

  #anyone(): RaftHost {
    return this.#random.pick([...this.hosts.values()]);
  }

  /** Mostly the leader, else anyone: to somebody who can do something about it. */
  #mostlyLeader(): RaftHost {
    const leader = this.#random.oneIn(5) ? undefined : this.leader;
    return leader ?? this.#anyone();
  }

  #network(): void {
    while (this.inFlight.length > inFlightMax) this.lose(this.#random.pick(this.inFlight));
    if (this.inFlight.length === 0) return this.tick();
    for (let left = 1 + this.#random.below(4); left > 0 && this.inFlight.length > 0; left--) {
      this.#messageMoves();
    }
  }

  #messageMoves(): void {
    // The oldest more often than not, or little would ever succeed.
    const oldest = this.inFlight[0];
    const inOrder = this.#random.below(10) >= this.#roughness && oldest !== undefined;
    const message = inOrder ? oldest : this.#random.pick(this.inFlight);
    const fate = this.#random.below(150);
    if (fate < this.#roughness) this.lose(message);
    else if (fate < 2 * this.#roughness) this.arrive(message);
    else this.deliver(message);
  }

  persist(): void {
    for (const host of this.hosts.values()) {
      if (host.pending.length === 0 || this.#random.below(10) < this.#roughness) continue;
      host.persist(1 + this.#random.below(host.pending.length));
    }
  }

  tick(): void {
    const host = this.#mostlyLeader();
    const times = this.#random.oneIn(4) ? 1 + this.#random.below(6) : 1;
    for (let at = 0; at < times; at++) host.input((raft) => raft.tick());
  }

  propose(): void {
    const text = `p${++this.#proposals}`;
    const payloads = [new TextEncoder().encode(text)];
    this.#mostlyLeader().input((raft) => raft.propose(payloads, this.freshNumber()));
  }

  ask(): void {
    this.read(this.#anyone().id);
  }

  crashOrRestart(): void {
    const down = [...this.hosts.values()].filter(({ raft }) => raft === undefined);
    if (down.length > 0 && !this.#random.oneIn(4)) return this.#random.pick(down).start();
    const host = this.#random.oneIn(2) ? this.#mostlyLeader() : this.#anyone();
    if (host.raft === undefined) return;
    this.trace?.(`  ${host.id} crashes`);
    this.#count('crashes');
    const durable = this.#random.below(host.pending.length + 1);
    host.crash(durable, { hardState: this.#random.oneIn(2), entries: this.#random.below(3) });
    if (this.#random.oneIn(2)) host.start();
  }

  campaign(): void {
    this.#anyone().input((raft) => raft.campaign());
  }

  change(): void {
    const host = this.#mostlyLeader();
    const { raft } = host;
    if (raft === undefined) return;
    const change = isJoint(raft.membership) ? leaveJoint : this.#randomChange();
    if (host.input((core) => core.proposeMembership(change)) !== undefined) return;
    this.#count('changes');
    for (const { member } of change.changes) {
      if (!this.hosts.has(member)) this.startMember(member).held = true;
    }
  }

  #randomChange(): MembershipChange {
    const changes = Array.from({ length: 1 + this.#random.below(3) }, () => ({
      action: this.#random.pick(['addVoter', 'addVoter', 'addLearner', 'remove'] as const),
      member: this.#random.pick(pool),
    }));
    return { changes, transition: this.#random.pick(['auto', 'joint', 'explicit']), context: '' };
  }

  transfer(): void {
    const target = this.#random.pick(pool);
    if (this.#mostlyLeader().input((raft) => raft.transfer(target))) this.#count('transfers');
  }

  snapshot(): void {
    const host = this.#mostlyLeader();
    if (host.takeSnapshot() !== undefined) host.compact(host.applied - this.#random.below(3));
  }

  cutOrHeal(): void {
    if (this.cuts.size > 0) return this.cuts.clear();
    const id = this.#mostlyLeader().id;
    for (const other of pool) {
      if (!this.#random.oneIn(3)) this.cuts.add(`${id}->${other}`);
      if (!this.#random.oneIn(3)) this.cuts.add(`${other}->${id}`);
    }
  }

  unreachable(): void {
    const member = this.#random.pick(pool);
    this.leader?.input((raft) => raft.unreachable(member));
  }

  override changed(host: RaftHost): void {
    const commits = this.checks.commitIndex;
    const led = this.checks.leaders;
    super.changed(host);
    if (this.checks.commitIndex > commits) this.#count('commits');
    if (this.checks.leaders > led) this.#count('leaders');
  }

  override writes(host: RaftHost, batch: WriteBatch): void {
    super.writes(host, batch);
    const [first] = batch.entries;
    if (first !== undefined && host.disk.termAt(first.index) !== undefined) {
      this.#count('truncations');
    }
  }

  override install(host: RaftHost, snapshot: SnapshotMeta): void {
    super.install(host, snapshot);
    this.#count('installs');
  }

  override apply(host: RaftHost, entry: Parameters<RaftWorld['apply']>[1]): void {
    super.apply(host, entry);
    const membership = this.checks.committed[entry.index - 1]?.membership;
    if (membership !== undefined && isJoint(membership)) this.#count('joint');
    if (membership !== undefined && membership.learners.length > 0) this.#count('learners');
  }

  override ready(host: RaftHost, ready: Parameters<RaftWorld['ready']>[1]): void {
    super.ready(host, ready);
    if (ready.reads.length > 0) this.#count('reads');
  }
}
