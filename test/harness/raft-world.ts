import { membershipOf } from '../../server/src/core/raft/membership.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import type { Raft } from '../../server/src/core/raft/raft.ts';
import type { Ready, WriteBatch } from '../../server/src/core/raft/ready.ts';
import type { RaftOptions } from '../../server/src/core/raft/state.ts';
import type { Entry, MemberId, SnapshotMeta } from '../../server/src/core/raft/types.ts';
import { RaftChecks } from './raft-checks.ts';
import { type HostObserver, RaftHost } from './raft-host.ts';
import { entryText, membershipText, messageText } from './raft-trace.ts';

/** Small limits, so that few steps reach every corner; the rest as in production. */
export const worldDefaults: Omit<RaftOptions, 'id' | 'seed'> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  messageBytesMax: 1000,
  commitBytesMax: 1000,
  uncommittedBytesMax: 10_000,
  inflightMessagesMax: 4,
  inflightBytesMax: 10_000,
};

export interface WorldOptions {
  readonly voters: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly limits?: Partial<RaftOptions>;
  readonly seed?: number;
}

/**
 * Several cores, their disks and a network that delivers only when told to. Everything that happens
 * becomes a line of the trace, and {@link RaftChecks} looks on.
 */
export class RaftWorld implements HostObserver {
  readonly hosts = new Map<MemberId, RaftHost>();
  readonly checks: RaftChecks;
  /** Sent and not delivered, oldest first. */
  inFlight: Message[] = [];
  /** `from->to` pairs whose messages are lost. */
  readonly cuts = new Set<string>();
  /** Gets every line; replaced by tests that do not look. */
  trace: ((line: string) => void) | undefined;
  /** The leader's host reports a snapshot that arrived, or got lost, as it would in production. */
  reportSnapshots = true;
  readonly #options: WorldOptions;
  readonly #described = new Map<MemberId, string>();
  #lastNumber = 0;

  constructor(options: WorldOptions, trace?: (line: string) => void) {
    this.#options = options;
    this.trace = trace;
    const initial = membershipOf(options.voters, options.learners);
    this.checks = new RaftChecks(initial, () => this.hosts.values());
    for (const id of [...initial.voters, ...initial.learners]) this.startMember(id);
  }

  /** A member that begins with an empty log and the first membership of the cluster. */
  startMember(id: MemberId): RaftHost {
    const { seed = 0, limits, voters, learners } = this.#options;
    const options = { ...worldDefaults, ...limits, id, seed: seed * 100 + this.hosts.size };
    const host = new RaftHost(options, membershipOf(voters, learners), this);
    this.hosts.set(id, host);
    this.#describe(host);
    return host;
  }

  host(id: MemberId): RaftHost {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`there is no member ${id}`);
    return host;
  }

  raft(id: MemberId): Raft {
    const { raft } = this.host(id);
    if (raft === undefined) throw new Error(`member ${id} is down`);
    return raft;
  }

  /** The leader of the highest term. */
  get leader(): RaftHost | undefined {
    let newest: RaftHost | undefined;
    for (const host of this.hosts.values()) {
      if (host.raft?.role !== 'leader') continue;
      if (newest === undefined || host.raft.term > (newest.raft?.term ?? 0)) newest = host;
    }
    return newest;
  }

  /** A number that was never used: for read contexts and proposal batches. */
  freshNumber(): number {
    return ++this.#lastNumber;
  }

  read(id: MemberId): boolean {
    const context = this.freshNumber();
    this.checks.readAsked(context);
    return this.host(id).input((raft) => raft.readIndex(context)) ?? false;
  }

  /** Takes a message out of the network and delivers it. */
  deliver(message: Message): void {
    this.inFlight.splice(this.inFlight.indexOf(message), 1);
    this.arrive(message);
  }

  /** Delivers a message, also one that stays in the network to come a second time. */
  arrive(message: Message): void {
    const host = this.hosts.get(message.to);
    if (host?.raft === undefined) return this.#lost(message);
    this.trace?.(messageText(message));
    host.input((raft) => raft.step(message));
    if (message.type === 'installSnapshot') this.#report(message, true);
  }

  /** Takes a message out of the network for good. */
  lose(message: Message): void {
    this.inFlight.splice(this.inFlight.indexOf(message), 1);
    this.#lost(message);
  }

  #lost(message: Message): void {
    this.trace?.(`${messageText(message)} (lost)`);
    if (message.type === 'installSnapshot') this.#report(message, false);
  }

  #report({ from, to }: Message, ok: boolean): void {
    if (!this.reportSnapshots) return;
    this.host(from).input((raft) => raft.snapshotFinished(to, ok));
  }

  /** Delivers until nothing is in flight, in the order of sending. */
  stabilize(): void {
    for (let rounds = 0; this.inFlight[0] !== undefined; rounds++) {
      if (rounds > 10_000) throw new Error('the cluster does not come to rest');
      this.deliver(this.inFlight[0]);
    }
  }

  before(host: RaftHost): void {
    this.checks.before(host);
  }

  changed(host: RaftHost): void {
    this.checks.changed(host);
    this.#describe(host);
  }

  /** Traces role, term, leader and membership when one of them changed. */
  #describe(host: RaftHost): void {
    if (this.trace === undefined || host.raft === undefined) return;
    const { role, term, leader, membership } = host.raft;
    const known = leader === '' || leader === host.id ? '' : ` leader=${leader}`;
    this.#news(host.id, 'role', `  ${host.id} ${role} term=${term}${known}`);
    this.#news(host.id, 'membership', `  ${host.id} membership ${membershipText(membership)}`);
  }

  #news(id: MemberId, about: string, line: string): void {
    const key = `${id} ${about}`;
    const known = this.#described.get(key);
    this.#described.set(key, line);
    if (known !== undefined && known !== line) this.trace?.(line);
  }

  send(host: RaftHost, message: Message): void {
    if (this.cuts.has(`${host.id}->${message.to}`)) this.#lost(message);
    else this.inFlight.push(message);
  }

  writes(host: RaftHost, batch: WriteBatch): void {
    this.checks.writes(host, batch);
    if (host.held) this.trace?.(`  ${host.id} writes ${batchText(batch)}`);
  }

  durable(host: RaftHost, batch: WriteBatch): void {
    if (host.held) this.trace?.(`  ${host.id} durable #${batch.batch}`);
  }

  install(host: RaftHost, snapshot: SnapshotMeta): void {
    this.checks.install(host, snapshot);
    this.trace?.(`  ${host.id} installs ${snapshot.index}@${snapshot.term}`);
  }

  apply(host: RaftHost, entry: Entry): void {
    this.checks.apply(host, entry);
    this.trace?.(`  ${host.id} applies ${entryText(entry)}`);
  }

  ready(host: RaftHost, ready: Ready): void {
    for (const { context, index } of ready.reads) {
      this.checks.readAnswered(context, index);
      this.trace?.(`  ${host.id} may read ${context} at ${index}`);
    }
    for (const { batch, reason } of ready.droppedProposals) {
      this.trace?.(`  ${host.id} dropped batch=${batch} ${reason}`);
    }
    for (const to of ready.snapshotsTo) {
      this.trace?.(`  ${host.id} streams a snapshot to ${to}`);
      this.send(host, {
        type: 'installSnapshot',
        from: host.id,
        to,
        term: host.raft?.term ?? 0,
        snapshot: host.disk.snapshot,
      });
    }
  }
}

function batchText({ batch, hardState, snapshot, entries }: WriteBatch): string {
  const parts = [`#${batch}`];
  if (hardState !== undefined) {
    const { term, vote, commit } = hardState;
    parts.push(`term=${term} vote=${vote === '' ? 'none' : vote} commit=${commit}`);
  }
  if (snapshot !== undefined) parts.push(`snapshot=${snapshot.index}@${snapshot.term}`);
  return `${parts.join(' ')} [${entries.map(entryText).join(' ')}]`;
}
