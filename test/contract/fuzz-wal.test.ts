import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry, HardState } from '../../server/src/core/raft/types.ts';
import { CorruptionError } from '../../server/src/storage/corruption-error.ts';
import { DataDirectoryError } from '../../server/src/storage/data-directory-error.ts';
import { createWal, openWal, type RecoveredLog } from '../../server/src/storage/wal/open.ts';
import { segmentName } from '../../server/src/storage/wal/segment.ts';
import type { Wal, WalWrite } from '../../server/src/storage/wal/wal.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { fuzz, fuzzRuns, largestArrayAsked } from '../harness/fuzz.ts';
import {
  diskWith,
  endOf,
  type Files,
  fileMutations,
  filesOf,
  firstChange,
  mutatedFiles,
} from '../harness/fuzz-files.ts';
import { entryOf, testIdentity, unexpected } from '../harness/logs.ts';
import { Scheduler } from '../harness/scheduler.ts';

const segmentBytes = 4096;
const none = { index: 0, term: 0 };

interface State {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** One write: where it stands, and the states after each of its records, the last of which is the whole. */
interface Batch {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly states: readonly State[];
}

interface Written {
  readonly files: Files;
  readonly batches: readonly Batch[];
}

type Step = {
  readonly count: number;
  readonly bytes: number;
  readonly back: number;
  readonly vote: boolean;
};

const steps: fc.Arbitrary<Step> = fc.record({
  count: fc.nat({ max: 4 }),
  bytes: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 900 })),
  back: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat({ max: 3 })),
  vote: fc.boolean(),
});

/** A log that was written one durable batch at a time by the production code, and closed. */
function written(list: readonly Step[]): Written {
  const scheduler = new Scheduler();
  const disk = new SimDisk({ seed: 7, schedule: scheduler.schedule });
  let wal: Wal | undefined;
  const options = { segmentBytes, onFailure: unexpected };
  createWal(disk, testIdentity, options, (error, made) => {
    assert.equal(error, undefined);
    wal = made;
  });
  scheduler.settle();
  assert.ok(wal);
  let state: State = { entries: [], hardState: { term: 0, vote: '', commit: 0 } };
  let term = 1;
  const batches: Batch[] = [];
  let place = placeOf(disk);
  batches.push({ ...place, start: 0, states: [state] });
  for (const { count, bytes, back, vote } of list) {
    const last = state.entries.length;
    const first = Math.max(0, last - back) + 1;
    if (first <= last || vote) term++;
    // As many as go to the disk in one batch.
    const length = Math.min(count, Math.floor(1500 / (bytes + 32)));
    const entries = Array.from({ length }, (_, at) => entryOf(first + at, term, bytes));
    const hardState = vote ? { term, vote: String(term % 4), commit: first - 1 } : undefined;
    if (entries.length === 0 && hardState === undefined) continue;
    const states = statesOf(state, { entries, hardState });
    state = states.at(-1) ?? state;
    wal.append({ entries, hardState }, () => {});
    scheduler.settle();
    const now = placeOf(disk);
    batches.push({ ...now, start: now.file === place.file ? place.end : 0, states });
    place = now;
  }
  wal.close();
  scheduler.settle();
  return { files: filesOf(disk), batches };
}

/** The last segment that holds anything, and where its last frame ends. */
function placeOf(disk: SimDisk): { file: string; end: number } {
  const [file, bytes] = [...filesOf(disk)].filter(([, content]) => endOf(content) > 0).at(-1) ?? [];
  assert.ok(file !== undefined && bytes !== undefined);
  return { file, end: Math.ceil(endOf(bytes) / 8) * 8 };
}

function statesOf(before: State, write: WalWrite): State[] {
  const states: State[] = [];
  let state = before;
  if (write.hardState !== undefined) {
    state = { ...state, hardState: write.hardState };
    states.push(state);
  }
  for (const entry of write.entries) {
    const kept = state.entries.filter(({ index }) => index < entry.index);
    state = { ...state, entries: [...kept, entry] };
    states.push(state);
  }
  return states;
}

function open(disk: SimDisk, scheduler: Scheduler): RecoveredLog {
  let opened: RecoveredLog | undefined;
  const options = { segmentBytes, onFailure: unexpected, snapshot: none };
  openWal(disk, testIdentity, options, (error, recovered) => {
    assert.equal(error, undefined);
    opened = recovered;
  });
  scheduler.settle();
  assert.ok(opened);
  return opened;
}

/** What opening shows of a state: a commit index goes no further than the entries that are there. */
function shown({ entries, hardState }: State): string {
  const commit = Math.min(hardState.commit, entries.length);
  return JSON.stringify({ entries, hardState: { ...hardState, commit } });
}

/** The first batch that is not whole any more, and whether one behind it still is: that one proves the loss. */
function damageOf({ files, batches }: Written, changed: Files): { first: number; proven: boolean } {
  const changes = new Map(
    [...files].map(([name, bytes]) => [name, firstChange(bytes, changed.get(name))]),
  );
  const whole = ({ file, start, end }: Batch): boolean => {
    const [was, is] = [files.get(file), changed.get(file)];
    if (was === undefined || is === undefined || is.length < end) return false;
    return firstChange(was.subarray(start, end), is.subarray(start, end)) === undefined;
  };
  const at = batches.findIndex((batch) => !whole(batch));
  const first = at < 0 ? batches.length : at;
  // A segment is read from its header on: without that nothing in it can be told from leftovers.
  const proven = batches.slice(first + 1).some((batch) => {
    const began = changes.get(batch.file);
    return whole(batch) && (began === undefined || began >= 512);
  });
  return { first, proven };
}

const damage = fc.array(
  fileMutations([
    segmentName(1),
    segmentName(2),
    segmentName(9),
    'wal-1.log',
    'wal-x.tmp',
    'notes',
  ]),
  { minLength: 1, maxLength: 2 },
);

test('a log that was damaged in any way is read up to there, or refused with the place: never anything else', async () => {
  const seen = { refused: 0, cut: 0, whole: 0, shorter: 0 };
  const input = fc.tuple(fc.array(steps, { minLength: 3, maxLength: 25, size: 'max' }), damage);
  await fuzz(300, input, ([list, mutations]) => {
    const log = written(list);
    const changed = mutatedFiles(log.files, mutations, (name) => name.startsWith('wal-'));
    const { first, proven } = damageOf(log, changed);
    const scheduler = new Scheduler();
    const disk = diskWith(changed, scheduler);
    let recovered: RecoveredLog;
    try {
      recovered = open(disk, scheduler);
    } catch (error) {
      if (error instanceof CorruptionError) {
        assert.match(error.message, /wal-[0-9a-f]{16}\.log.*offset \d+/);
        assert.ok(changed.has(error.file) || log.files.has(error.file), error.file);
        assert.ok(error.offset >= 0 && error.offset <= segmentBytes * 2, String(error.offset));
      } else assert.ok(error instanceof DataDirectoryError, `${error}`);
      assert.ok(
        first < log.batches.length || mutations.some(changesNames),
        `nothing was lost: ${error}`,
      );
      seen.refused++;
      return;
    }
    assert.ok(!proven, 'a later batch proves that something durable is lost');
    const states = log.batches.flatMap(({ states }) => states);
    const least = log.batches.slice(0, first).reduce((sum, batch) => sum + batch.states.length, 0);
    const wanted = shown(recovered);
    const at = states.findLastIndex((state) => shown(state) === wanted);
    assert.ok(at >= least - 1, `state ${at} of ${states.length}, and ${least} were undamaged`);
    assert.deepEqual(recovered.wal.read(1, 1e9), recovered.entries);
    if (recovered.cut !== undefined) seen.cut++;
    if (at === states.length - 1) seen.whole++;
    else seen.shorter++;
    // What was cut stays cut, and the log goes on from there.
    const next = entryOf(recovered.entries.length + 1, 99, 30);
    recovered.wal.append({ entries: [next] }, () => {});
    scheduler.settle();
    const again = open(disk.copy(), scheduler);
    assert.deepEqual(again.entries, [...recovered.entries, next]);
    assert.equal(again.cut, undefined);
  });
  const runs = fuzzRuns(300);
  for (const count of Object.values(seen)) assert.ok(count > runs / 30, JSON.stringify(seen));
});

function changesNames({ type }: { readonly type: string }): boolean {
  return ['rename', 'copy', 'remove'].includes(type);
}

test('no length in a damaged log makes it set aside more than its files take', () =>
  fuzz(
    80,
    fc.tuple(fc.array(steps, { minLength: 3, maxLength: 20, size: 'max' }), damage),
    ([list, mutations]) => {
      const { files } = written(list);
      const changed = mutatedFiles(files, mutations, (name) => name.startsWith('wal-'));
      const scheduler = new Scheduler();
      const disk = diskWith(changed, scheduler);
      const largest = Math.max(...[...changed.values()].map(({ length }) => length));
      const asked = largestArrayAsked(() => {
        try {
          open(disk, scheduler);
        } catch (error) {
          assert.ok(error instanceof CorruptionError || error instanceof DataDirectoryError);
        }
      });
      assert.ok(asked <= Math.max(largest, 64 * 1024), `${asked} bytes were asked for`);
    },
  ));

test('what stands behind the last frame of a segment costs nothing of the next one', () => {
  const log = written([3, 3, 3].map(() => ({ count: 1, bytes: 1400, back: 0, vote: false })));
  const [first, second] = [segmentName(1), segmentName(2)];
  assert.deepEqual(
    log.batches.map(({ file }) => file),
    [first, first, first, second],
  );
  const bytes = log.files.get(first)?.slice();
  assert.ok(bytes !== undefined);
  const { end = 0 } = log.batches[2] ?? {};
  assert.ok(end < bytes.length, 'there is room behind it');
  bytes[end] = 1;
  const scheduler = new Scheduler();
  const disk = diskWith(new Map([...log.files, [first, bytes]]), scheduler);
  assert.deepEqual(open(disk, scheduler).entries, log.batches.at(-1)?.states.at(-1)?.entries);
});
