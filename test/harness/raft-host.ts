import type { Message } from '../../server/src/core/raft/message.ts';
import { Raft } from '../../server/src/core/raft/raft.ts';
import type { Ready, WriteBatch } from '../../server/src/core/raft/ready.ts';
import type { RaftOptions, RaftRecovery } from '../../server/src/core/raft/state.ts';
import type {
  Entry,
  HardState,
  MemberId,
  Membership,
  SnapshotMeta,
} from '../../server/src/core/raft/types.ts';

/** What a host tells whoever drives it, as it happens. */
export interface HostObserver {
  /** Before an input reaches the core. */
  before(host: RaftHost): void;
  /** After an input or a take, before its outputs are carried out. */
  changed(host: RaftHost): void;
  send(host: RaftHost, message: Message): void;
  writes(host: RaftHost, batch: WriteBatch): void;
  durable(host: RaftHost, batch: WriteBatch): void;
  install(host: RaftHost, snapshot: SnapshotMeta): void;
  apply(host: RaftHost, entry: Entry): void;
  ready(host: RaftHost, ready: Ready): void;
}

/** What is left of the first write that a crash cut off: some entries, with or without the hard state. */
export interface Torn {
  readonly hardState: boolean;
  readonly entries: number;
}

/** What survives a crash. */
export class RaftDisk implements RaftRecovery {
  hardState: HardState = { term: 0, vote: '', commit: 0 };
  snapshot: SnapshotMeta;
  entries: Entry[] = [];

  constructor(membership: Membership) {
    this.snapshot = { index: 0, term: 0, membership };
  }

  termAt(index: number): number | undefined {
    if (index === this.snapshot.index) return this.snapshot.term;
    return this.entries[index - this.snapshot.index - 1]?.term;
  }

  /** Whether entry `index` of `term` would survive a crash now. */
  holds(index: number, term: number): boolean {
    return index <= this.snapshot.index || this.termAt(index) === term;
  }

  write({ hardState, snapshot, entries }: WriteBatch): void {
    if (hardState !== undefined) this.hardState = hardState;
    if (snapshot !== undefined) this.snapshotTaken(snapshot);
    for (const entry of entries) {
      if (entry.index <= this.snapshot.index) continue;
      this.entries.length = entry.index - this.snapshot.index - 1;
      this.entries.push(entry);
    }
  }

  /** Entries behind a snapshot stay if they are of the same history as it is. */
  snapshotTaken(meta: SnapshotMeta): void {
    if (meta.index <= this.snapshot.index) return;
    const same = this.termAt(meta.index) === meta.term;
    this.entries = same ? this.entries.slice(meta.index - this.snapshot.index) : [];
    this.snapshot = meta;
  }
}

/**
 * A member reduced to its core: the host loop of Ready's rules over a disk in memory. With `held`
 * writes wait for persist(), else they are durable at once.
 */
export class RaftHost {
  readonly disk: RaftDisk;
  /** Undefined while the member is down. */
  raft: Raft | undefined;
  held = false;
  /** Given to the disk, not durable yet. */
  pending: WriteBatch[] = [];
  applied = 0;
  incarnation = 0;
  readonly #options: RaftOptions;
  readonly #observer: HostObserver;

  constructor(options: RaftOptions, membership: Membership, observer: HostObserver) {
    this.#options = options;
    this.#observer = observer;
    this.disk = new RaftDisk(membership);
    this.start();
  }

  get id(): MemberId {
    return this.#options.id;
  }

  start(): void {
    const { hardState, snapshot, entries } = this.disk;
    const seed = this.#options.seed + 1000 * this.incarnation++;
    this.raft = new Raft({ ...this.#options, seed }, { hardState, snapshot, entries });
    this.applied = snapshot.index;
    this.input(() => {});
  }

  /** Loses what is not durable; the first `durable` held batches just made it, the next may be torn. */
  crash(durable = 0, torn?: Torn): void {
    for (const batch of this.pending.slice(0, durable)) this.disk.write(batch);
    const next = this.pending[durable];
    if (torn !== undefined && next !== undefined && next.snapshot === undefined) {
      const hardState = torn.hardState ? next.hardState : undefined;
      this.disk.write({ ...next, hardState, entries: next.entries.slice(0, torn.entries) });
    }
    this.pending = [];
    this.raft = undefined;
  }

  /** Gives the core an input and carries out all that it wants done. Undefined when it is down. */
  input<Result>(run: (raft: Raft) => Result): Result | undefined {
    const { raft } = this;
    if (raft === undefined) return undefined;
    this.#observer.before(this);
    const result = run(raft);
    this.#observer.changed(this);
    for (;;) {
      this.#observer.before(this);
      const ready = raft.take();
      this.#observer.changed(this);
      if (ready === undefined) return result;
      this.#carryOut(raft, ready);
    }
  }

  #carryOut(raft: Raft, ready: Ready): void {
    for (const message of ready.now) this.#observer.send(this, message);
    if (ready.write !== undefined) {
      this.pending.push(ready.write);
      this.#observer.writes(this, ready.write);
    }
    if (ready.install !== undefined) {
      this.applied = ready.install.index;
      this.#observer.install(this, ready.install);
    }
    for (const entry of ready.committed) {
      this.#observer.apply(this, entry);
      this.applied = entry.index;
    }
    this.#observer.ready(this, ready);
    if (!this.held) this.#persistWith(raft, this.pending.length);
  }

  /** The disk finished the oldest `count` batches. */
  persist(count = this.pending.length): void {
    this.input((raft) => this.#persistWith(raft, count));
  }

  #persistWith(raft: Raft, count: number): void {
    for (const batch of this.pending.splice(0, count)) {
      this.disk.write(batch);
      this.#observer.before(this);
      this.#observer.durable(this, batch);
      raft.persisted(batch.batch);
      this.#observer.changed(this);
    }
  }

  /** A snapshot of what is applied. */
  takeSnapshot(): SnapshotMeta | undefined {
    const { raft } = this;
    const term = raft?.termAt(this.applied);
    if (raft === undefined || term === undefined) return undefined;
    const meta = { index: this.applied, term, membership: raft.membership };
    this.disk.snapshotTaken(meta);
    raft.snapshotTaken(meta);
    return meta;
  }

  compact(index: number): void {
    this.raft?.compact(Math.min(index, this.disk.snapshot.index));
  }
}
