import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SnapshotMeta } from '../../server/src/core/raft/types.ts';
import type { Disk } from '../../server/src/ports.ts';
import { CorruptionError } from '../../server/src/storage/corruption-error.ts';
import {
  chunkBytesMax,
  SnapshotFiles,
  type SnapshotReader,
} from '../../server/src/storage/snapshot.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { diskKinds, finished } from '../harness/disks.ts';
import { testIdentity } from '../harness/logs.ts';
import { Scheduler } from '../harness/scheduler.ts';

function metaOf(index: number): SnapshotMeta {
  const membership = {
    voters: ['1', '2', '3'],
    outgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { index, term: 2, membership };
}

const chunk = (fill: number, length: number) => new Uint8Array(length).fill(fill);

async function save(files: SnapshotFiles, index: number, chunks: Uint8Array[]): Promise<void> {
  const writer = files.create(metaOf(index));
  for (const each of chunks) await finished((done) => writer.write(each, done));
  await finished((done) => writer.finish(done));
}

/** Copies, since each chunk is overwritten by the next. */
function chunksOf(snapshot: SnapshotReader): Uint8Array[] {
  return Array.from(snapshot.chunks(), (each) => each.slice());
}

const nameOf = (index: number) =>
  `snapshot-${index.toString(16).padStart(16, '0')}-0000000000000002.snap`;

for (const { kind, make } of diskKinds) {
  const claim = (name: string, run: (disk: Disk, reopen: () => Disk) => Promise<void>) =>
    test(`snapshots on ${kind}: ${name}`, async () => {
      const made = make();
      try {
        await run(made.disk, () => made.reopen());
      } finally {
        made.remove();
      }
    });

  claim('chunks and meta come back as they were', async (disk, reopen) => {
    const chunks = [chunk(1, 1), chunk(2, chunkBytesMax), chunk(3, 4099)];
    await save(new SnapshotFiles(disk, testIdentity), 300, chunks);
    const { newest, damaged } = new SnapshotFiles(reopen(), testIdentity);
    assert.ok(newest);
    assert.deepEqual(newest.meta, metaOf(300));
    assert.deepEqual(chunksOf(newest), chunks);
    assert.deepEqual(chunksOf(newest), chunks);
    assert.deepEqual(damaged, []);
  });

  claim('an empty state has a snapshot too', async (disk) => {
    await save(new SnapshotFiles(disk, testIdentity), 1, []);
    assert.deepEqual([...(new SnapshotFiles(disk, testIdentity).newest?.chunks() ?? [0])], []);
  });

  claim('the newest two stay, and the log is needed back to the older', async (disk) => {
    const files = new SnapshotFiles(disk, testIdentity);
    assert.equal(files.oldestIndex, 0);
    await save(files, 10, [chunk(1, 9)]);
    assert.equal(files.oldestIndex, 0);
    await save(files, 20, [chunk(2, 9)]);
    assert.equal(files.oldestIndex, 10);
    await save(files, 300, [chunk(3, 9)]);
    assert.equal(files.oldestIndex, 20);
    assert.deepEqual(disk.list(), [nameOf(20), nameOf(300)]);
    assert.equal(new SnapshotFiles(disk, testIdentity).oldestIndex, 20);
  });

  claim('one that was given up, or not finished, leaves nothing', async (disk) => {
    const files = new SnapshotFiles(disk, testIdentity);
    const given = files.create(metaOf(5));
    const write = finished((done) => given.write(chunk(1, 100), done));
    given.abort();
    await assert.rejects(write, /given up/);
    assert.deepEqual(disk.list(), []);
    const left = files.create(metaOf(6));
    await finished((done) => left.write(chunk(1, 100), done));
    assert.deepEqual(disk.list(), [`${nameOf(6)}.tmp`]);
    assert.equal(new SnapshotFiles(disk, testIdentity).newest, undefined);
    assert.deepEqual(disk.list(), []);
  });

  claim('another member is refused', async (disk) => {
    await save(new SnapshotFiles(disk, testIdentity), 5, [chunk(1, 1)]);
    assert.throws(
      () => new SnapshotFiles(disk, { ...testIdentity, clusterId: '12' }),
      /is not this member's: it belongs to cluster 11, not 12/,
    );
  });
}

async function saved(): Promise<{ disk: SimDisk; size: number }> {
  const scheduler = new Scheduler();
  const schedule = (delayMs: number, run: () => void) => {
    scheduler.schedule(delayMs, run);
    setImmediate(() => scheduler.step());
  };
  const disk = new SimDisk({ seed: 3, schedule });
  const files = new SnapshotFiles(disk, testIdentity);
  await save(files, 10, [chunk(7, 20)]);
  await save(files, 20, [chunk(8, 30), chunk(9, 17)]);
  return { disk, size: disk.open(nameOf(20), 'read').size() };
}

function checkDamaged(disk: SimDisk, at: string): void {
  const { newest, damaged, oldestIndex } = new SnapshotFiles(disk, testIdentity);
  assert.equal(damaged.length, 1, at);
  assert.ok(damaged[0] instanceof CorruptionError);
  assert.equal(damaged[0].file, nameOf(20));
  // The older one takes over.
  assert.equal(newest?.meta.index, 10);
  assert.equal(oldestIndex, 0);
}

test('a snapshot with any bit flipped is found damaged, and the older one takes over', async () => {
  const { disk, size } = await saved();
  for (let bit = 0; bit < size * 8; bit++) {
    const copy = disk.copy();
    copy.flipBit(nameOf(20), Math.floor(bit / 8), bit % 8);
    checkDamaged(copy, `bit ${bit}`);
  }
});

test('a snapshot that is cut short anywhere is found damaged', async () => {
  const { disk, size } = await saved();
  for (let length = 0; length < size; length++) {
    const copy = disk.copy();
    copy.cutFile(nameOf(20), length);
    checkDamaged(copy, `length ${length}`);
  }
});

test('a snapshot with chunks left out, swapped, or something behind its end is found damaged', async () => {
  const { disk, size } = await saved();
  const read = disk.open(nameOf(20), 'read').read(0, size);
  const trailer = size - 48;
  const second = trailer - 48;
  const first = second - 56;
  const piece = (from: number, to: number) => read.subarray(from, to);
  const head = piece(0, first);
  const variants = [
    [head, piece(second, size)],
    [head, piece(first, second), piece(trailer, size)],
    [head, piece(second, trailer), piece(first, second), piece(trailer, size)],
    [read, new Uint8Array(8)],
  ];
  for (const [at, pieces] of variants.entries()) {
    const copy = disk.copy();
    const content = Buffer.concat(pieces);
    copy.cutFile(nameOf(20), 0);
    await finished((done) => copy.open(nameOf(20), 'write').write(0, content, done));
    checkDamaged(copy, `variant ${at}`);
  }
});

test('a damaged snapshot is deleted when a new one is durable, and never counts as the older one', async () => {
  const { disk } = await saved();
  disk.flipBit(nameOf(20), 100, 1);
  const files = new SnapshotFiles(disk, testIdentity);
  await save(files, 30, [chunk(1, 1)]);
  assert.deepEqual(disk.list(), [nameOf(10), nameOf(30)]);
  assert.equal(files.oldestIndex, 10);
});

test('a crash while a snapshot is written leaves the older one, or the whole new one', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 300; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk({ seed, schedule: scheduler.schedule, latencyMsMax: 3 });
    let files = new SnapshotFiles(disk, testIdentity);
    const write = (index: number, done: (error?: Error) => void) => {
      const writer = files.create(metaOf(index));
      writer.write(chunk(index, 3000), (error) => (error ? done(error) : writer.finish(done)));
    };
    write(10, (error) => assert.equal(error, undefined));
    scheduler.settle();
    let finishedNew = false;
    write(20, () => {
      finishedNew = true;
    });
    for (let step = 0; step < seed % 6; step++) scheduler.step();
    disk.crash();
    scheduler.clear();
    files = new SnapshotFiles(disk, testIdentity);
    const index = files.newest?.meta.index ?? 0;
    assert.ok(index === 20 || (index === 10 && !finishedNew), `seed ${seed}: ${index}`);
    assert.deepEqual(files.damaged, []);
    seen.add(index);
  }
  assert.deepEqual(seen, new Set([10, 20]));
});
