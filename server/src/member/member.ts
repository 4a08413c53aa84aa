import type { ErrorCode, Once } from '@lockstep/client/protocol';
import { InvariantError } from '../core/base/assert.ts';
import type { Asker, Command } from '../core/command.ts';
import type { Machine } from '../core/machine.ts';
import type { MembershipChange } from '../core/raft/membership.ts';
import type { Message } from '../core/raft/message.ts';
import { Raft } from '../core/raft/raft.ts';
import type { Ready } from '../core/raft/ready.ts';
import { type Entry, nobody, type SnapshotMeta } from '../core/raft/types.ts';
import { WatchHub } from '../core/watch/watch-hub.ts';
import type { Cancel, Clock, PeerNetwork } from '../ports.ts';
import type { Wal } from '../storage/wal/wal.ts';
import { genesisIndex, genesisTerm, type Recovered } from './bootstrap.ts';
import { Chores } from './chores.ts';
import { highestForAll } from './cluster-upgrade.ts';
import { DurableWrites } from './durable-writes.ts';
import { Joining } from './joining.ts';
import { Journal } from './journal.ts';
import { LeaderTransfer } from './leader-transfer.ts';
import { Leadership } from './leadership.ts';
import { Links, wipedSentence } from './links.ts';
import { linksEvents } from './links-events.ts';
import { type LogRetention, retainFrom } from './log-retention.ts';
import { MembershipKeeper } from './membership-keeper.ts';
import type { MemberOptions } from './options.ts';
import { type Introduction, introductionOf } from './peer-frame.ts';
import { tooFarBehind } from './promotion.ts';
import { type Outcome, Proposals } from './proposals.ts';
import { Reads } from './reads.ts';
import { Registration } from './registration.ts';
import { RevisionWaits } from './revision-waits.ts';
import { Snapshots } from './snapshots.ts';
import { Turns } from './turns.ts';

/** A turn of the loop gives way to the event loop after so long. */
const turnMsMax = 8;
/**
 * So many proposals are worth a turn of their own at once. Of fifty that come in one read the first ones are on disk
 * while the others are parsed, and their callers get their answers while this member works on.
 */
const earlyTurn = 16;

/**
 * One member: the one loop that joins the pure core with disk, clock and network. Start reading here.
 *
 * Everything that happens (a tick, a peer's message, a caller's proposal, "the disk is done") is
 * noted by the method it arrives through, which asks for a turn. A turn hands all of it to the
 * core, then carries out what the core wants: write, send, apply, answer.
 *
 *   propose/read ─┐                        ┌─▶ wal.append ──▶ persisted ─▶ (next turn)
 *   messages ─────┼─▶ turn ─▶ raft ─▶ ready ┼─▶ links.post
 *   persisted ────┤                        └─▶ machine.apply ─▶ hub.publish, caller's answer
 *   tick (last) ──┘
 *
 * Rules: inputs are drained before a tick, so that a process that was paused sees its leader's
 * heartbeats before it judges it; missed ticks are dropped, not replayed; no turn holds the event
 * loop for long; whatever throws stops the member, because its state can no longer be trusted.
 */
export class Member {
  readonly options: MemberOptions;
  readonly raft: Raft;
  readonly hub: WatchHub;
  readonly links: Links;
  readonly snapshots: Snapshots;
  readonly chores: Chores;
  readonly leadership: Leadership;
  readonly membership: MembershipKeeper;
  readonly #journal: Journal;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly wal: Wal;
  readonly #writes: DurableWrites;
  readonly #joining: Joining;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly #waits = new RevisionWaits();
  readonly #retention: LogRetention;
  #machine: Machine;
  #appliedIndex: number;
  #appliedTerm: number;
  #stopTicking: Cancel = () => {};
  #messages: Message[] = [];
  #tick = 0;
  #tickDue = false;
  #closed = false;
  readonly #whenClosed: (() => void)[] = [];
  readonly #transfer = new LeaderTransfer();
  readonly #registration: Registration;
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(
    options: MemberOptions,
    ports: { clock: Clock; network: PeerNetwork },
    recovered: Recovered,
  ) {
    this.options = options;
    this.#clock = ports.clock;
    this.#turns = new Turns(this.#clock, () => this.#takeTurn());
    this.wal = recovered.wal;
    this.#writes = new DurableWrites(recovered.wal, () => this.#wake());
    this.#machine = recovered.machine;
    this.#appliedIndex = recovered.raft.snapshot.index;
    this.#appliedTerm = recovered.raft.snapshot.term;
    this.#retention = options.retention;
    const journal = new Journal(
      (event) => options.events.happened(event),
      () => this.#machine.members,
    );
    this.#journal = journal;
    this.leadership = new Leadership(journal);
    this.raft = new Raft(
      { ...options.raft, id: options.memberId, seed: options.seed },
      recovered.raft,
    );
    this.hub = new WatchHub(this.#machine.store);
    this.proposals = new Proposals({
      incarnation: options.incarnation,
      bytesMax: options.raft.uncommittedBytesMax,
      machine: () => this.#machine,
      onAgain: (count) => journal.proposedAgain(count),
    });
    // Long enough for a round between far sites, short enough that a lost one is not missed.
    this.reads = new Reads(options.incarnation, options.raft.electionTicks);
    const onLinks = linksEvents(this, {
      journal,
      monotonicMs: () => this.#clock.monotonicMs(),
      introduce: () => this.#introduce(),
      received: (messages) => this.#received(messages),
      joining: () => this.#joining,
      registration: () => this.#registration,
    });
    this.links = new Links(ports.network, onLinks);
    const { voters } = this.raft.membership;
    const knowsItself = () => this.#machine.members.get(options.memberId) !== undefined;
    this.#joining = new Joining(this.links, voters, this.#introduce(), knowsItself);
    this.membership = new MembershipKeeper(this, journal);
    const { files, snapshotBytes: lastBytes } = recovered;
    const { build } = recovered.machine;
    const saving = { files, logBytesMin: options.snapshotBytesMin, lastBytes, build };
    this.#registration = new Registration({
      members: () => this.#machine.members,
      propose: (command, done) => this.propose(command, done),
      refused: (name) => this.fail(new Error(wipedSentence(name))),
    });
    this.chores = new Chores(options, {
      journal,
      machine: () => this.#machine,
      leads: () => this.raft.role === 'leader',
      propose: (command, done) => this.propose(command, done),
      highestForAll: () => highestForAll(this.raft, this.#machine.build, this.links.up()),
      watchProgress: () => this.hub.progressDue(),
      corrupt: () => this.hub.endAll('corrupt'),
      standAside: () => {
        const { voters } = this.raft.membership;
        const other = voters.find((id) => this.links.peer(id)?.isUp === true);
        if (other !== undefined) this.raft.transfer(other);
      },
    });
    this.snapshots = new Snapshots(saving, {
      received: (message) => this.#received([message]),
      monotonicMs: () => this.#clock.monotonicMs(),
      finished: (peer, index, ok) => {
        this.raft.snapshotFinished(peer, ok);
        if (ok) journal.snapshotSent(peer, index);
      },
      saved: ({ meta, releasable, bytes, ms }) => {
        journal.snapshotSaved({ index: meta.index, term: meta.term, bytes, ms });
        this.raft.snapshotTaken(meta);
        this.wal.release(releasable);
      },
      failed: (error) => this.fail(error),
      wake: () => this.#wake(),
    });
  }

  get machine(): Machine {
    return this.#machine;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** True once the member takes part in the cluster, which one on an empty disk does only after asking. */
  get joined(): boolean {
    return this.#joining.joined;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.links.open();
    this.#stopTicking = this.#clock.every(this.options.tickMs, () => {
      this.#tickDue = true;
      this.#wake();
    });
    // One voter alone need not wait for silence: nobody else can lead.
    if (this.raft.membership.voters.length === 1 && this.#joining.joined) this.raft.campaign();
    this.#wake();
  }

  /** Has `command` replicated and applied. The outcome comes within {@link MemberOptions.callTicks}. */
  propose(command: Command, done: (o: Outcome) => void, once?: Once, asker?: Asker): void {
    if (this.#state !== 'running') return done({ ok: false, code: 'server_stopped' });
    this.proposals.add({ command, once, asker }, this.#tick + this.options.callTicks, done);
    // The disk stands idle and there is enough for it to do, so it need not wait for what comes in the same read.
    if (this.#writes.isIdle && this.proposals.unsent >= earlyTurn) this.#turns.now();
    this.#wake();
  }

  /** Calls back when the state here is at least as new as everything acknowledged before this call. */
  readIndex(done: Parameters<Reads['add']>[1]): void {
    if (this.#state !== 'running') return done('server_stopped');
    this.reads.add(this.#tick + this.options.callTicks, done);
    this.#wake();
  }

  /** Calls back when `revision` is applied here. */
  waitForRevision(revision: number, done: Parameters<Reads['add']>[1]): void {
    if (this.#state !== 'running') return done('server_stopped');
    if (revision <= this.#machine.store.revision) return done(undefined);
    this.#waits.add({ revision, deadlineTick: this.#tick + this.options.callTicks, done });
  }

  /** Only on the leader; a sentence when it is refused. */
  changeMembership(change: MembershipChange): string | undefined {
    const refused = tooFarBehind(this.raft, change) ?? this.raft.proposeMembership(change);
    this.#wake();
    return refused;
  }

  /** Hands leadership to `target`; calls back when it leads, or with `timeout` when that took too long. */
  moveLeader(target: string, done: (error: ErrorCode | undefined) => void): void {
    if (this.#state !== 'running') return done('server_stopped');
    this.#transfer.begin(target, this.#tick + 2 * this.options.raft.electionTicks, done);
    if (!this.raft.transfer(target)) this.#transfer.end('no_leader');
    this.#wake();
  }

  /** A watch has room again or began in the past, or memory can be given back. */
  wakeUp(): void {
    this.#wake();
  }

  /** Calls back in a later turn of the event loop, so that long reads let others through. */
  pause(done: () => void): void {
    this.#clock.defer(done);
  }

  #wake(): void {
    if (this.#state === 'running') this.#turns.soon();
  }

  #takeTurn(): void {
    if (this.#state !== 'running') return;
    try {
      this.#turn();
    } catch (error) {
      this.fail(error instanceof Error ? error : new InvariantError(String(error)));
    }
  }

  #turn(): void {
    if (this.#joining.joined) {
      this.raft.persisted(this.#writes.durableBatch);
      for (const message of this.#messages.splice(0)) this.raft.step(message);
      this.#offer();
    }
    if (this.#tickDue) this.#doTick();
    const caughtUp = this.#carryOut();
    this.snapshots.settleReceived();
    this.membership.step();
    this.#settle();
    const streaming = this.snapshots.step();
    const sweeping = this.chores.step();
    const more = streaming || sweeping || this.reads.hasUnasked || this.hub.hasWork;
    if (!caughtUp || more) this.#wake();
  }

  #offer(): void {
    const { raft } = this;
    const diskKeepsUp = this.wal.queuedBytes() < this.options.raft.uncommittedBytesMax;
    if (this.proposals.hasUnsent && raft.leader !== nobody && diskKeepsUp) {
      this.proposals.offer(raft.term, (payloads, batch) => raft.propose(payloads, batch));
    }
    this.reads.offer({ tick: this.#tick, term: raft.term }, (context) => raft.readIndex(context));
  }

  #doTick(): void {
    this.#tickDue = false;
    this.#tick++;
    this.links.tick();
    this.#journal.diskTook(this.wal.takeSlowestMs());
    if (this.#joining.joined) {
      this.raft.tick();
    } else {
      this.#joining.tick();
      if (this.#joining.joined) this.#journal.joined(this.raft.term);
    }
    this.proposals.expire(this.#tick);
    this.#waits.expire(this.#tick);
    this.reads.tick(this.#tick);
    this.snapshots.tick();
    this.#transfer.expire(this.#tick);
    if (this.raft.role === 'leader') {
      for (const { other } of this.links.up()) this.#registration.bind(other);
    }
    if (this.raft.leader !== nobody) this.#registration.keepTrue(this.#introduce());
    if (this.#joining.joined) this.chores.tick();
    this.#watchLeader();
    this.membership.tick();
    this.#offer();
  }

  /** Does what the core wants, for one turn's time. False when there is more. */
  #carryOut(): boolean {
    const until = this.#clock.monotonicMs() + turnMsMax;
    for (;;) {
      const ready = this.raft.take();
      if (ready === undefined) return true;
      this.#execute(ready);
      if (this.#clock.monotonicMs() > until) return false;
    }
  }

  #execute(ready: Ready): void {
    for (const message of ready.now) this.links.post(message);
    if (ready.install !== undefined) this.#install(ready.install.index, ready.install.term);
    if (ready.write !== undefined) this.#writes.write(ready.write);
    for (const entry of ready.committed) this.#apply(entry);
    for (const { context, index } of ready.reads) this.reads.confirmed(context, index);
    for (const { batch, reason } of ready.droppedProposals) this.proposals.dropped(batch, reason);
    for (const id of ready.snapshotsTo) this.#sendSnapshot(id);
  }

  #apply(entry: Entry): void {
    this.proposals.reachedTerm(entry.term);
    if (entry.kind === 'membership') {
      this.membership.apply(entry.payload);
    } else if (entry.payload.length > 0) {
      const applied = this.#machine.apply(entry.payload, entry.index);
      this.hub.publish(applied.events);
      this.chores.applied(applied);
      this.proposals.applied(applied, entry.term);
    }
    this.#appliedIndex = entry.index;
    this.#appliedTerm = entry.term;
    this.options.events.applied?.(entry);
  }

  /** Replaces the whole state by the snapshot that was received. */
  #install(index: number, term: number): void {
    this.#writes.hold();
    const { counts } = this.#machine;
    this.#machine = this.snapshots.install(index, () => this.#writes.release());
    this.#machine.counts = counts;
    this.#appliedIndex = index;
    this.#appliedTerm = term;
    this.proposals.jumped(term);
    this.hub.replaceSource(this.#machine.store);
    this.chores.replaceMachine(this.#machine);
    this.links.sync();
    const { revision } = this.#machine.store;
    this.#journal.snapshotInstalled({ index, term, revision });
  }

  /** What the applied state allows to answer; then what was posted leaves. */
  #settle(): void {
    this.reads.applied(this.#appliedIndex);
    this.#waits.reached(this.#machine.store.revision);
    this.#transfer.look(this.raft.leader);
    this.leadership.look(this.raft);
    if (this.hub.hasWork) this.hub.work();
    this.links.flush();
    const retain = retainFrom(this.raft, this.#appliedIndex, this.#retention);
    if (retain !== undefined) this.raft.compact(retain - 1);
    const logBytes = this.wal.appendedBytes;
    this.snapshots.considerSaving(this.#machine, { meta: this.place(), logBytes });
  }

  /** Where the state stands in the log. */
  place(): SnapshotMeta {
    const { membership } = this.raft;
    return { index: this.#appliedIndex, term: this.#appliedTerm, membership };
  }

  #sendSnapshot(id: string): void {
    const peer = this.links.peer(id);
    if (peer === undefined || !peer.isUp) return this.raft.snapshotFinished(id, false);
    const meta = this.place();
    this.raft.snapshotSent(id, meta.index);
    this.snapshots.send(peer, { term: this.raft.term, meta, machine: this.#machine });
  }

  #received(messages: readonly Message[]): void {
    // One that does not take part yet has nothing to say to them; they are sent again.
    if (!this.joined) return;
    for (const message of messages) this.#messages.push(message);
    this.#wake();
  }

  #introduce(): Introduction {
    const fresh = this.raft.term <= genesisTerm && this.raft.lastIndex <= genesisIndex;
    const applied = this.#appliedIndex > genesisIndex;
    return introductionOf(this.options, { fresh, applied, machine: this.#machine });
  }

  /** Watches must not look alive while the member cannot hear of new writes; nor may those that begin then. */
  #watchLeader(): void {
    this.leadership.tick(this.raft.leader);
    const patience = 3 * this.options.raft.electionTicks;
    if (this.leadership.leaderlessTicks >= patience) this.hub.endAll('no_leader');
  }

  /** Stops at once and for good; whoever waits is told. `done` when the files are closed. Idempotent. */
  close(done: () => void = () => {}): void {
    if (this.#closed) return done();
    this.#whenClosed.push(done);
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#journal.close();
    this.#stopTicking();
    this.hub.endAll('server_stopped');
    this.proposals.failAll('server_stopped');
    this.reads.failAll('server_stopped');
    this.#waits.failAll('server_stopped');
    this.#transfer.end('server_stopped');
    this.membership.close();
    this.chores.close();
    this.snapshots.close();
    this.links.close();
    this.wal.close(() => {
      this.#closed = true;
      for (const waiting of this.#whenClosed.splice(0)) waiting();
    });
  }

  /** The member cannot go on. */
  fail(error: Error): void {
    if (this.#state === 'stopped') return;
    this.close();
    this.options.events.failed(error);
  }
}
