import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SnapshotMeta } from '../../server/src/core/raft/types.ts';
import { CorruptionError } from '../../server/src/storage/corruption-error.ts';
import { readDataDirectory, writeDataDirectory } from '../../server/src/storage/data-directory.ts';
import { DataDirectoryError } from '../../server/src/storage/data-directory-error.ts';
import { SnapshotFiles } from '../../server/src/storage/snapshot.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { byteMutations, fuzz, fuzzRuns, largestArrayAsked, mutatedBytes } from '../harness/fuzz.ts';
import {
  diskWith,
  type Files,
  fileMutations,
  filesOf,
  mutatedFiles,
} from '../harness/fuzz-files.ts';
import { testIdentity } from '../harness/logs.ts';
import { Scheduler } from '../harness/scheduler.ts';

const membership = {
  voters: ['1', '2', '3'],
  outgoing: [],
  learners: ['9'],
  learnersNext: [],
  autoLeave: false,
};

interface Saved {
  readonly index: number;
  readonly term: number;
  readonly chunks: readonly Uint8Array[];
}

const chunk = fc
  .tuple(fc.nat(255), fc.integer({ min: 1, max: 3000 }))
  .map(([fill, size]) => Uint8Array.from({ length: size }, (_, at) => (fill + at * 7) & 255));
const saved: fc.Arbitrary<Saved> = fc.record({
  index: fc.integer({ min: 1, max: 900 }),
  term: fc.integer({ min: 1, max: 9 }),
  chunks: fc.array(chunk, { maxLength: 4 }),
});
/** One after the other, each further on. */
const histories = fc
  .uniqueArray(saved, { minLength: 1, maxLength: 3, selector: ({ index }) => index })
  .map((list) => [...list].sort((left, right) => left.index - right.index));

function metaOf({ index, term }: Saved): SnapshotMeta {
  return { index, term, membership };
}

function filesAfter(history: readonly Saved[]): Files {
  const scheduler = new Scheduler();
  const disk = new SimDisk({ seed: 3, schedule: scheduler.schedule });
  const files = new SnapshotFiles(disk, testIdentity);
  for (const each of history) {
    const writer = files.create(metaOf(each));
    for (const bytes of each.chunks) {
      writer.write(bytes, (error) => assert.equal(error, undefined));
      scheduler.settle();
    }
    writer.finish((error) => assert.equal(error, undefined));
    scheduler.settle();
  }
  return filesOf(disk);
}

const nameOf = ({ index, term }: Saved) =>
  `snapshot-${index.toString(16).padStart(16, '0')}-${term.toString(16).padStart(16, '0')}.snap`;

const damage = fc.array(
  fileMutations([
    nameOf({ index: 1000, term: 1, chunks: [] }),
    nameOf({ index: 1, term: 1, chunks: [] }),
    `${nameOf({ index: 1000, term: 1, chunks: [] })}.tmp`,
    'snapshot-1.snap',
  ]),
  { minLength: 1, maxLength: 3 },
);

/** What opening takes for the state: the meta of the newest that verifies, and its bytes. */
function opened(files: Files): { files: SnapshotFiles; state: string | undefined } {
  let chunks: Uint8Array[] = [];
  const disk = diskWith(files, new Scheduler());
  const found = new SnapshotFiles(disk, testIdentity, (snapshot) => {
    chunks = [];
    for (const bytes of snapshot.chunks()) chunks.push(bytes.slice());
  });
  const { newest } = found;
  if (newest === undefined) return { files: found, state: undefined };
  return { files: found, state: stateOf(newest.meta, chunks) };
}

function stateOf(meta: SnapshotMeta, chunks: readonly Uint8Array[]): string {
  return JSON.stringify([meta, chunks.map((bytes) => Buffer.from(bytes).toString('base64'))]);
}

describe('snapshots that were damaged', () => {
  test('are passed over for an older good one, or refused with the place: never taken for a state', async () => {
    const seen = { newest: 0, older: 0, none: 0, refused: 0 };
    await fuzz(500, fc.tuple(histories, damage), ([history, mutations]) => {
      const before = filesAfter(history);
      const changed = mutatedFiles(before, mutations, (name) => name.startsWith('snapshot-'));
      const states = history.map((each) => stateOf(metaOf(each), each.chunks));
      let found: ReturnType<typeof opened>;
      try {
        found = opened(changed);
      } catch (error) {
        // Whose header was whole and is another member's or a newer build's.
        assert.ok(error instanceof DataDirectoryError, `${error}`);
        seen.refused++;
        return;
      }
      for (const error of found.files.damaged) {
        assert.ok(error instanceof CorruptionError);
        assert.ok(changed.has(error.file));
        assert.ok(error.offset >= 0 && error.offset <= (changed.get(error.file)?.length ?? 0));
        assert.match(error.message, /snapshot-[0-9a-f-]+\.snap.*offset \d+/);
      }
      // What is still whole under its own name is found, unless a newer one is.
      const whole = history.findLastIndex((each) => {
        const [was, is] = [before.get(nameOf(each)), changed.get(nameOf(each))];
        return was !== undefined && is !== undefined && Buffer.compare(was, is) === 0;
      });
      if (found.state === undefined) {
        assert.equal(whole, -1);
        seen.none++;
        return;
      }
      const at = states.indexOf(found.state);
      assert.ok(at >= 0, 'what was read was never written');
      assert.ok(at >= whole, `snapshot ${at} was taken, and ${whole} is whole`);
      if (at === states.length - 1) seen.newest++;
      else seen.older++;
    });
    const runs = fuzzRuns(500);
    for (const count of [seen.newest, seen.older, seen.none]) {
      assert.ok(count > runs / 30, JSON.stringify(seen));
    }
  });

  test('are not believed about their lengths: nothing is set aside beyond a frame of the largest kind', () =>
    fuzz(120, fc.tuple(histories, damage), ([history, mutations]) => {
      const changed = mutatedFiles(filesAfter(history), mutations, (name) =>
        name.startsWith('snapshot-'),
      );
      const largest = Math.max(1, ...[...changed.values()].map(({ length }) => length));
      const asked = largestArrayAsked(() => {
        try {
          opened(changed);
        } catch (error) {
          assert.ok(error instanceof DataDirectoryError, `${error}`);
        }
      });
      assert.ok(asked <= largest + 64, `${asked} bytes were asked for, of files of ${largest}`);
    }));
});

test('an identity file that was damaged is the same identity, or refused by its name', async () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk({ seed: 3, schedule: scheduler.schedule });
  const identity = { ...testIdentity, name: 'a' };
  writeDataDirectory(disk, { identity, complete: true }, () => {});
  scheduler.settle();
  const [bytes] = filesOf(disk).values();
  assert.ok(bytes !== undefined);
  let refused = 0;
  const changes = fc.array(byteMutations, { minLength: 1, maxLength: 3 });
  await fuzz(1000, changes, (mutations) => {
    const changed = mutatedBytes(bytes, mutations);
    try {
      const found = readDataDirectory(
        diskWith(new Map([['identity.json', changed]]), new Scheduler()),
      );
      assert.deepEqual(found, { identity, complete: true });
    } catch (error) {
      assert.ok(error instanceof DataDirectoryError, `${error}`);
      assert.match(error.message, /identity\.json|newer lockstep/);
      refused++;
    }
  });
  assert.ok(refused > fuzzRuns(1000) / 2);
});
