import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry, HardState } from '../../server/src/core/raft/types.ts';
import { createWal, openWal, type RecoveredLog } from '../../server/src/storage/wal/open.ts';
import type { Wal, WalWrite } from '../../server/src/storage/wal/wal.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { entryOf, testIdentity, unexpected } from '../harness/logs.ts';
import { Scheduler } from '../harness/scheduler.ts';

/** The dumb log: what each record makes of it, kept for every record. */
interface State {
  readonly base: { readonly index: number; readonly term: number };
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

const empty: State = {
  base: { index: 0, term: 0 },
  entries: [],
  hardState: { term: 0, vote: '', commit: 0 },
};

function lastOf(state: State): { index: number; term: number } {
  return state.entries[state.entries.length - 1] ?? state.base;
}

/** The states after each record of the write, in the order in which they are written. */
function statesOf(before: State, write: WalWrite): State[] {
  const states: State[] = [];
  let state = before;
  const add = (change: Partial<State>) => {
    state = { ...state, ...change };
    states.push(state);
  };
  if (write.snapshot) add({ base: write.snapshot, entries: [] });
  if (write.hardState) add({ hardState: write.hardState });
  for (const entry of write.entries) {
    const kept = state.entries.filter((other) => other.index < entry.index);
    add({ entries: [...kept, entry] });
  }
  return states;
}

/** What opening must give for a log in this state. */
function view(state: State, snapshot: { index: number; term: number }): unknown {
  const covered = snapshot.index - state.base.index;
  const term = covered === 0 ? state.base.term : state.entries[covered - 1]?.term;
  const entries = term === snapshot.term ? state.entries.slice(covered) : [];
  const commit = Math.min(state.hardState.commit, entries.at(-1)?.index ?? snapshot.index);
  return { entries, hardState: { ...state.hardState, commit } };
}

type Operation =
  | {
      readonly type: 'append';
      readonly back: number;
      readonly count: number;
      readonly bytes: number;
    }
  | { readonly type: 'vote'; readonly count: number }
  | { readonly type: 'run'; readonly steps: number }
  | { readonly type: 'release'; readonly keep: number }
  | { readonly type: 'install'; readonly ahead: number }
  | { readonly type: 'crash'; readonly power: boolean };

class World {
  readonly #scheduler = new Scheduler();
  readonly #disk: SimDisk;
  #wal: Wal;
  /** Every state since the last recovery; the one at `#acknowledged` was called durable. */
  #states: State[] = [empty];
  #acknowledged = 0;
  #snapshot = { index: 0, term: 0 };
  #term = 1;
  crashes = 0;
  cuts = 0;
  partial = 0;

  constructor(seed: number) {
    const schedule = this.#scheduler.schedule;
    this.#disk = new SimDisk({ seed, schedule, latencyMsMax: 5 });
    let made: Wal | undefined;
    createWal(this.#disk, testIdentity, this.#options, (error, wal) => {
      assert.equal(error, undefined);
      made = wal;
    });
    this.#scheduler.settle();
    assert.ok(made);
    this.#wal = made;
  }

  do(operation: Operation): void {
    switch (operation.type) {
      case 'append': {
        const first =
          Math.max(this.#snapshot.index, lastOf(this.#state).index - operation.back) + 1;
        if (first <= lastOf(this.#state).index) this.#term++;
        const entries = Array.from({ length: operation.count }, (_, at) =>
          entryOf(first + at, this.#term, operation.bytes),
        );
        this.#append({ entries });
        return;
      }
      case 'vote':
        for (let count = 0; count < operation.count; count++) {
          this.#term++;
          const commit = lastOf(this.#state).index;
          const vote = String(this.#term % 4);
          this.#append({ entries: [], hardState: { term: this.#term, vote, commit } });
        }
        return;
      case 'run':
        for (let step = 0; step < operation.steps; step++) this.#scheduler.step();
        return;
      case 'release':
        this.#release(operation.keep);
        return;
      case 'install': {
        this.#term++;
        const index = lastOf(this.#state).index + operation.ahead;
        this.#snapshot = { index, term: this.#term };
        this.#append({ snapshot: this.#snapshot, entries: [entryOf(index + 1, this.#term)] });
        return;
      }
      case 'crash':
        this.crash(operation.power);
        return;
    }
  }

  crash(power: boolean): void {
    this.crashes++;
    if (power) this.#disk.crash();
    else this.#disk.kill();
    this.#scheduler.clear();
    const recovered = this.#open();
    const seen = { entries: recovered.entries, hardState: recovered.hardState };
    const at = this.#matching(seen);
    if (recovered.cut) this.cuts++;
    if (at > this.#acknowledged && at < this.#states.length - 1) this.partial++;
    const { entries } = recovered;
    assert.deepEqual(this.#wal.read(this.#snapshot.index + 1, 1e9), entries);
    // The file still has what was written, also where opening limits it to the entries that are there.
    const { hardState } = this.#states[at] ?? empty;
    this.#states = [{ base: this.#snapshot, entries, hardState }];
    this.#acknowledged = 0;
  }

  get #state(): State {
    return this.#states[this.#states.length - 1] ?? empty;
  }

  get #options() {
    return { segmentBytes: 4096, batchBytesMax: 2048, onFailure: unexpected };
  }

  #append(write: WalWrite): void {
    this.#states.push(...statesOf(this.#state, write));
    const reached = this.#states.length - 1;
    const states = this.#states;
    this.#wal.append(write, () => {
      if (states === this.#states) this.#acknowledged = reached;
    });
  }

  /** As after a local snapshot of what is durable. */
  #release(keep: number): void {
    const durable = this.#states[this.#acknowledged] ?? empty;
    const last = lastOf(durable).index - keep;
    const entry = durable.entries.find((each) => each.index === last);
    const still = this.#state.entries.find((each) => each.index === last);
    if (entry === undefined || still?.term !== entry.term || last < this.#snapshot.index) return;
    this.#snapshot = { index: entry.index, term: entry.term };
    this.#wal.release(last);
  }

  /** The state that was found must be an acknowledged one or a later one, cut at a record. */
  #matching(seen: unknown): number {
    const wanted = JSON.stringify(seen);
    for (let at = this.#states.length - 1; at >= this.#acknowledged; at--) {
      if (JSON.stringify(view(this.#states[at] ?? empty, this.#snapshot)) === wanted) return at;
    }
    const acknowledged = view(this.#states[this.#acknowledged] ?? empty, this.#snapshot);
    assert.deepEqual(seen, acknowledged, 'neither what was acknowledged nor anything after it');
    return -1;
  }

  #open(): RecoveredLog {
    let opened: RecoveredLog | undefined;
    const options = { ...this.#options, snapshot: this.#snapshot };
    openWal(this.#disk, testIdentity, options, (error, recovered) => {
      assert.equal(error, undefined);
      opened = recovered;
    });
    // Not to the end: the next segment may still be in the making when the next crash comes.
    while (opened === undefined && this.#scheduler.step());
    assert.ok(opened);
    this.#wal = opened.wal;
    return opened;
  }
}

const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 6 })),
      count: fc.integer({ min: 1, max: 6 }),
      bytes: fc.oneof(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 1800 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('vote' as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('run' as const),
      steps: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('release' as const),
      keep: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('install' as const),
      ahead: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('crash' as const), power: fc.boolean() }),
  },
);

test('after any crash every acknowledged record is there, in order, and nothing was invented', () => {
  const seen = { crashes: 0, cuts: 0, partial: 0 };
  const property = fc.property(
    fc.integer({ min: 0, max: 1e9 }),
    fc.array(operations, { maxLength: 60, size: 'max' }),
    (seed, list) => {
      const world = new World(seed);
      for (const operation of list) world.do(operation);
      world.crash(true);
      seen.crashes += world.crashes;
      seen.cuts += world.cuts;
      seen.partial += world.partial;
    },
  );
  const runs = Number(process.env.LOCKSTEP_WAL_RUNS ?? 400);
  const seed = Number(process.env.LOCKSTEP_WAL_SEED ?? 1);
  fc.assert(property, { seed, numRuns: runs });
  // The faults this is about did happen.
  assert.ok(
    seen.crashes > runs && seen.cuts > runs / 20 && seen.partial > runs / 20,
    JSON.stringify(seen),
  );
});
