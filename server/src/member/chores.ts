import type { Alarm } from '@lockstep/client/protocol';
import type { AuthState } from '../core/auth/auth-state.ts';
import type { Command } from '../core/command.ts';
import type { Applied, Machine } from '../core/machine.ts';
import { AutoCompaction } from './auto-compaction.ts';
import { HandRaisedAlarm } from './hand-raised-alarm.ts';
import { HashChecks, type HashTaken } from './hash-checks.ts';
import type { Journal } from './journal.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { MemberOptions } from './options.ts';
import type { Outcome } from './proposals.ts';
import { RevisionWaits } from './revision-waits.ts';
import { Space } from './space.ts';

/** Events that one turn sweeps: well below a millisecond. */
const sweptPerTurn = 100;
const watchProgressMs = 10_000;

export interface ChoresEvents {
  readonly journal: Journal;
  machine(): Machine;
  leads(): boolean;
  propose(command: Command, done: (outcome: Outcome) => void): void;
  /** The highest cluster version that every member can work with; undefined while one has not said so. */
  highestForAll(): number | undefined;
  /** Watches that asked for it are to be told how far they are. */
  watchProgress(): void;
  /** This member's state differs from the others'. */
  corrupt(): void;
  /** Another member should lead. */
  standAside(): void;
}

/**
 * What a member does besides answering: it counts the time of leases, drops old history, gives memory
 * back, minds the quota and compares its state with the others'. Every member keeps count; the one
 * that leads proposes.
 */
export class Chores {
  readonly leases: LeaseKeeper;
  readonly space: Space;
  /** Callers that wait until memory below a revision was given back. */
  readonly sweeps = new RevisionWaits();
  /** Called back when rights have changed. */
  readonly authListeners = new Set<() => void>();
  readonly #events: ChoresEvents;
  readonly #options: MemberOptions;
  readonly #compaction: AutoCompaction;
  readonly #hashes: HashChecks;
  readonly #handRaised: HandRaisedAlarm;
  readonly #progressTicks: number;
  /** Kinds of proposals that are under way: each once at a time. */
  readonly #underWay = new Set<Command['type']>();
  #tick = 0;
  #wasCorrupt = false;
  #alarms: readonly Alarm[];
  #clusterVersion: number;
  #auth: AuthState;
  /** The newest compaction, and whether its memory is being given back. */
  #compactRevision: number;
  #sweeping = false;

  constructor(options: MemberOptions, events: ChoresEvents) {
    this.#options = options;
    this.#events = events;
    const { alarms, store, clusterVersion, auth } = events.machine();
    this.#auth = auth.state;
    this.#alarms = alarms.list();
    this.#clusterVersion = clusterVersion;
    this.#compactRevision = store.compactRevision;
    const ticksPerSecond = 1000 / options.tickMs;
    this.leases = new LeaseKeeper(
      (command, done) => events.propose(command, done),
      events.machine().leases,
      ticksPerSecond,
    );
    this.space = new Space({ quotaBytes: options.quotaBytes });
    this.#handRaised = new HandRaisedAlarm(
      options.quotaBytes,
      events.machine().alarms.has('nospace'),
    );
    this.#compaction = new AutoCompaction(options.autoCompaction);
    this.#hashes = new HashChecks(
      { memberId: options.memberId, everyTicks: options.hashCheckTicks },
      (command) => this.#once(command),
    );
    this.#progressTicks = Math.ceil(watchProgressMs / options.tickMs);
  }

  /** The share of the quota that history may take. */
  get #historyBytesMax(): number {
    return this.#options.quotaBytes / 2;
  }

  tick(): void {
    const { store, alarms } = this.#events.machine();
    const leads = this.#events.leads();
    this.leases.tick(leads);
    this.#hashes.tick(leads);
    this.sweeps.expire(++this.#tick);
    const compactTo = this.#compaction.tick({
      revision: store.revision,
      compactRevision: store.compactRevision,
      historyBytes: store.stateBytes - store.liveBytes,
      historyBytesMax: this.#historyBytesMax,
    });
    if (leads && compactTo !== undefined) this.#once({ type: 'compact', revision: compactTo });
    const { memberId } = this.#options;
    const room = { stateBytes: store.stateBytes, alarmed: alarms.has('nospace') };
    this.#handRaised.tick(room);
    const verdict = this.space.decide(room);
    if (leads && verdict === 'raise')
      this.#once({ type: 'raiseAlarm', memberId, alarm: 'nospace' });
    if (leads && verdict === 'clear' && !this.#handRaised.isByHand) {
      this.#once({ type: 'clearAlarm', memberId: '', alarm: 'nospace' });
    }
    if (leads) this.#raiseClusterVersion();
    if (this.#tick % this.#progressTicks === 0) this.#events.watchProgress();
    if (leads && this.#wasCorrupt && this.#tick % this.#options.raft.electionTicks === 0) {
      this.#events.standAside();
    }
  }

  #raiseClusterVersion(): void {
    if (this.#events.machine().build.versions.highest <= this.#clusterVersion) return;
    const version = this.#events.highestForAll();
    if (version === undefined || version <= this.#clusterVersion) return;
    this.#once({ type: 'raiseClusterVersion', version });
  }

  /** Proposes what need not be proposed twice; a failure is made good by a later tick. */
  #once(command: Command): void {
    if (this.#underWay.has(command.type)) return;
    this.#underWay.add(command.type);
    this.#events.propose(command, () => this.#underWay.delete(command.type));
  }

  applied(applied: Applied): void {
    const machine = this.#events.machine();
    if (applied.reply.type === 'hashCheck') this.#hashes.begin(applied.reply.check, machine);
    this.lookAtAlarms();
    this.#lookAtVersion();
    this.#lookAtAuth();
    const { compactRevision } = machine.store;
    if (compactRevision === this.#compactRevision) return;
    this.#compactRevision = compactRevision;
    this.#sweeping = true;
  }

  /** True when this member's state differs from the others': nothing of it may be shown. */
  get isCorrupt(): boolean {
    return this.#wasCorrupt;
  }

  /** Whether this member is said to be corrupt may have changed. */
  lookAtAlarms(): void {
    this.#tellAlarms(this.#events.machine().alarms.list());
    const corrupt = this.#events.machine().alarms.hasFor(this.#options.memberId, 'corrupt');
    if (corrupt && !this.#wasCorrupt) this.#events.corrupt();
    this.#wasCorrupt = corrupt;
  }

  #lookAtVersion(): void {
    const { clusterVersion: version } = this.#events.machine();
    if (version === this.#clusterVersion) return;
    this.#events.journal.clusterVersionRaised(version, this.#clusterVersion);
    this.#clusterVersion = version;
  }

  #lookAtAuth(): void {
    const { state } = this.#events.machine().auth;
    if (state === this.#auth) return;
    this.#auth = state;
    for (const changed of [...this.authListeners]) changed();
  }

  #tellAlarms(alarms: readonly Alarm[]): void {
    const before = this.#alarms;
    // The table makes a new list for each change.
    if (alarms === before) return;
    this.#alarms = alarms;
    for (const alarm of alarms) if (!has(before, alarm)) this.#events.journal.alarmRaised(alarm);
    for (const alarm of before) if (!has(alarms, alarm)) this.#events.journal.alarmCleared(alarm);
  }

  replaceMachine(machine: Machine): void {
    this.#hashes.stop();
    this.#compactRevision = machine.store.compactRevision;
    this.#sweeping = false;
    this.leases.replaceTable(machine.leases);
    this.lookAtAlarms();
    this.#lookAtVersion();
    this.#lookAtAuth();
  }

  /** One slice of what takes long. True when there is more. */
  step(): boolean {
    const { store } = this.#events.machine();
    if (store.hasGarbage) store.sweep(sweptPerTurn);
    this.sweeps.reached(store.sweptRevision);
    if (this.#sweeping && store.sweptRevision >= this.#compactRevision) {
      this.#sweeping = false;
      this.#events.journal.compacted(this.#compactRevision);
    }
    return this.#hashes.step() || store.hasGarbage;
  }

  waitForSweep(revision: number, done: Parameters<RevisionWaits['add']>[0]['done']): void {
    const deadlineTick = this.#tick + this.#options.callTicks;
    this.sweeps.add({ revision, deadlineTick, done });
  }

  /** Hashes the state as it is now, in slices. Undefined when it was given up: the state was replaced. */
  hash(appliedIndex: number, done: (taken: HashTaken | undefined) => void): void {
    this.#hashes.hash(appliedIndex, this.#events.machine(), done);
  }

  problems(): string[] {
    const { alarms, store } = this.#events.machine();
    const problems: string[] = alarms
      .list()
      .map(({ alarm, memberId }) => `alarm ${alarm} of member ${memberId}`);
    const warning = this.space.warning(store.stateBytes);
    if (warning !== undefined) problems.push(warning);
    return problems;
  }

  close(): void {
    this.#hashes.stop();
    this.sweeps.failAll('server_stopped');
  }
}

function has(alarms: readonly Alarm[], { memberId, alarm }: Alarm): boolean {
  return alarms.some((other) => other.memberId === memberId && other.alarm === alarm);
}
