import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../server/src/core/raft/types.ts';
import { CorruptionError } from '../../server/src/storage/corruption-error.ts';
import { createWal, openWal, type RecoveredLog } from '../../server/src/storage/wal/open.ts';
import type { Wal } from '../../server/src/storage/wal/wal.ts';
import { SimDisk, type SimDiskOptions } from '../../server/testing/sim-disk.ts';
import { entriesOf, entryOf, testIdentity, unexpected } from '../harness/logs.ts';
import { Scheduler } from '../harness/scheduler.ts';

/** A log on a simulated disk, driven by hand. */
class Bench {
  readonly scheduler = new Scheduler();
  disk: SimDisk;
  failures: Error[] = [];

  constructor(options: Partial<SimDiskOptions> = {}) {
    this.disk = new SimDisk({ seed: 7, schedule: this.scheduler.schedule, ...options });
  }

  create(segmentBytes = 4096): Wal {
    let made: Wal | undefined;
    const onFailure = (error: Error) => this.failures.push(error);
    createWal(this.disk, testIdentity, { segmentBytes, onFailure }, (error, wal) => {
      assert.equal(error, undefined);
      made = wal;
    });
    this.scheduler.settle();
    assert.ok(made);
    return made;
  }

  /** @throws what opening throws. */
  open(disk = this.disk, segmentBytes = 4096, snapshot = { index: 0, term: 0 }): RecoveredLog {
    let opened: RecoveredLog | undefined;
    const options = { segmentBytes, onFailure: unexpected, snapshot };
    openWal(disk, testIdentity, options, (error, recovered) => {
      assert.equal(error, undefined);
      opened = recovered;
    });
    this.scheduler.settle();
    assert.ok(opened);
    return opened;
  }

  append(wal: Wal, entries: Entry[]): void {
    wal.append({ entries }, () => {});
    this.scheduler.settle();
  }
}

test('all appends that wait share one write and one sync', () => {
  const bench = new Bench();
  const wal = bench.create(64 * 1024);
  const before = { ...bench.disk.counts };
  const durable: number[] = [];
  for (let index = 1; index <= 101; index++) {
    wal.append({ entries: [entryOf(index)] }, () => durable.push(index));
  }
  assert.ok(wal.queuedBytes() > 100 * 44);
  bench.scheduler.settle();
  // The first one found an idle disk; the hundred behind it waited together.
  assert.equal(bench.disk.counts.writes - before.writes, 2);
  assert.equal(bench.disk.counts.syncs - before.syncs, 2);
  assert.deepEqual(
    durable,
    Array.from({ length: 101 }, (_, at) => at + 1),
  );
  assert.equal(wal.queuedBytes(), 0);
});

test('an append with nothing to write comes after those before it', () => {
  const bench = new Bench();
  const wal = bench.create();
  const order: string[] = [];
  wal.append({ entries: [entryOf(1)] }, () => order.push('entry'));
  wal.append({ entries: [] }, () => order.push('nothing'));
  assert.deepEqual(order, []);
  bench.scheduler.settle();
  assert.deepEqual(order, ['entry', 'nothing']);
});

for (const operation of ['write', 'sync'] as const) {
  test(`a failed ${operation} is final: told once, nothing acknowledged, nothing tried again`, () => {
    const bench = new Bench();
    const wal = bench.create();
    bench.append(wal, [entryOf(1)]);
    bench.disk.failNext(operation, /\.log$/);
    const fail = () => assert.fail('called durable');
    wal.append({ entries: [entryOf(2)] }, fail);
    wal.append({ entries: [entryOf(3)] }, fail);
    bench.scheduler.settle();
    const counts = { ...bench.disk.counts };
    wal.append({ entries: [entryOf(4)] }, fail);
    bench.scheduler.settle();
    assert.equal(bench.failures.length, 1);
    assert.match(
      String(bench.failures[0]),
      /wal-0000000000000001\.log.*What is durable is unknown/,
    );
    assert.deepEqual(bench.disk.counts, counts);
    let closed = false;
    wal.close(() => {
      closed = true;
    });
    bench.scheduler.settle();
    assert.ok(closed);
  });
}

test('a full disk fails the log with a clear message, and nothing acknowledged is lost', () => {
  const bench = new Bench();
  const wal = bench.create();
  let last = 0;
  bench.disk.capacityBytes = bench.disk.usedBytes();
  for (let index = 1; index <= 200; index++) {
    wal.append({ entries: [entryOf(index, 1, 100)] }, () => {
      last = index;
    });
    bench.scheduler.settle();
  }
  assert.ok(last > 40, 'what was prepared is used');
  assert.equal(bench.failures.length, 1);
  assert.match(String(bench.failures[0]), /cannot be prepared \(ENOSPC.*free space there/);
  bench.disk.capacityBytes = Number.POSITIVE_INFINITY;
  bench.disk.crash();
  const recovered = bench.open();
  assert.deepEqual(recovered.entries, entriesOf(1, last, 1, 100));
});

test('a full disk that has space again in time is only a warning', () => {
  const bench = new Bench();
  const wal = bench.create();
  bench.disk.capacityBytes = bench.disk.usedBytes();
  for (let index = 1; index <= 40; index++) bench.append(wal, [entryOf(index, 1, 100)]);
  assert.match(wal.warning ?? '', /cannot be prepared/);
  bench.disk.capacityBytes = Number.POSITIVE_INFINITY;
  for (let index = 41; index <= 100; index++) bench.append(wal, [entryOf(index, 1, 100)]);
  assert.equal(wal.warning, undefined);
  assert.deepEqual(bench.failures, []);
});

test('the next segment is ready before it is needed, so that beginning it costs one write and one sync', () => {
  const bench = new Bench();
  const wal = bench.create();
  let index = 0;
  while (bench.disk.list().length < 3) bench.append(wal, [entryOf(++index, 1, 300)]);
  bench.scheduler.settle();
  while (bench.disk.list().length < 4) {
    const before = bench.disk.counts.writes;
    let writes = 0;
    wal.append({ entries: [entryOf(++index, 1, 300)] }, () => {
      writes = bench.disk.counts.writes - before;
    });
    bench.scheduler.settle();
    // Its own write, and at most the first slice of the segment after the next.
    assert.ok(writes <= 2, `${writes} writes`);
  }
});

/** Three segments, and in the last one a few batches. */
function smallLog(): {
  bench: Bench;
  lastBatch: { name: string; offset: number };
  entries: Entry[];
} {
  const bench = new Bench();
  const wal = bench.create();
  let index = 0;
  while (bench.disk.list().length < 4) {
    bench.append(wal, entriesOf(index + 1, index + 3, 1, 400));
    index += 3;
  }
  bench.append(wal, entriesOf(index + 1, index + 1, 1, 30));
  wal.append({ entries: [], hardState: { term: 9, vote: '5', commit: 1 } }, () => {});
  bench.scheduler.settle();
  index++;
  const name = 'wal-0000000000000003.log';
  const offset = endOf(bench.disk, name);
  bench.append(wal, entriesOf(index + 1, index + 2, 1, 30));
  wal.close();
  bench.scheduler.settle();
  const entries = bench.open(bench.disk.copy()).entries;
  assert.equal(entries.length, index + 2);
  return { bench, lastBatch: { name, offset }, entries: [...entries] };
}

function endOf(disk: SimDisk, name: string): number {
  const file = disk.open(name, 'read');
  const bytes = file.read(0, file.size());
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end + ((8 - (end % 8)) % 8);
}

test('every flipped bit that was durable for sure is found and named', () => {
  const { bench, lastBatch, entries } = smallLog();
  let found = 0;
  for (const name of bench.disk.list().filter((each) => each.endsWith('.log'))) {
    const end = name === lastBatch.name ? lastBatch.offset : endOf(bench.disk, name);
    if (name > lastBatch.name) continue;
    for (let offset = 0; offset < end; offset++) {
      const disk = bench.disk.copy();
      disk.flipBit(name, offset, offset % 8);
      assert.throws(
        () => bench.open(disk),
        (error) => {
          assert.ok(error instanceof CorruptionError, `${name} ${offset}: ${error}`);
          assert.equal(error.file, name);
          assert.ok(error.offset <= offset && error.offset > offset - 1400, String(error));
          return true;
        },
      );
      found++;
    }
  }
  assert.ok(found > 6000);
  assert.equal(bench.open(bench.disk.copy()).entries.length, entries.length);
});

test('all eight bits of every byte of one small batch are covered', () => {
  const bench = new Bench();
  const wal = bench.create();
  bench.append(wal, entriesOf(1, 2, 1, 5));
  const end = endOf(bench.disk, 'wal-0000000000000001.log');
  bench.append(wal, entriesOf(3, 3));
  for (let bit = 0; bit < end * 8; bit++) {
    const disk = bench.disk.copy();
    disk.flipBit('wal-0000000000000001.log', Math.floor(bit / 8), bit % 8);
    assert.throws(() => bench.open(disk), CorruptionError);
  }
});

test('a flipped bit in the final batch cuts the log there, once', () => {
  const { bench, lastBatch, entries } = smallLog();
  const end = endOf(bench.disk, lastBatch.name);
  const seen = new Set<number>();
  for (let offset = lastBatch.offset; offset < end; offset++) {
    const disk = bench.disk.copy();
    disk.flipBit(lastBatch.name, offset, offset % 8);
    const recovered = bench.open(disk);
    const count = recovered.entries.length;
    assert.ok(count >= entries.length - 2 && count < entries.length);
    assert.deepEqual(recovered.entries, entries.slice(0, count));
    assert.ok(recovered.cut !== undefined && recovered.cut.bytes > 0);
    seen.add(count);
    bench.append(recovered.wal, entriesOf(count + 1, count + 1, 2));
    const again = bench.open(disk.copy());
    assert.equal(again.cut, undefined);
    assert.deepEqual(again.entries, [...entries.slice(0, count), entryOf(count + 1, 2)]);
  }
  assert.deepEqual(seen, new Set([entries.length - 2, entries.length - 1]));
});

test('a log cut short at any length, or a page of zeros in it, is found or was the final batch', () => {
  const { bench, lastBatch, entries } = smallLog();
  const end = endOf(bench.disk, lastBatch.name);
  for (let size = 0; size < end; size += 8) {
    const disk = bench.disk.copy();
    disk.cutFile(lastBatch.name, size);
    if (size < 3000 && size < lastBatch.offset) {
      // Nothing behind the cut proves that there was more: what is left must be a true beginning.
      let opened: RecoveredLog | undefined;
      try {
        opened = bench.open(disk);
      } catch (error) {
        assert.ok(error instanceof CorruptionError);
      }
      if (opened) assert.deepEqual(opened.entries, entries.slice(0, opened.entries.length));
    }
  }
  for (let page = 0; page < 4096; page += 512) {
    const disk = bench.disk.copy();
    const file = disk.open('wal-0000000000000002.log', 'write');
    if (page >= endOf(bench.disk, 'wal-0000000000000002.log')) continue;
    file.write(page, new Uint8Array(512), () => {});
    bench.scheduler.settle();
    assert.throws(() => bench.open(disk), CorruptionError);
  }
});

test('a missing segment is found', () => {
  const { bench } = smallLog();
  for (const name of ['wal-0000000000000001.log', 'wal-0000000000000002.log']) {
    const disk = bench.disk.copy();
    disk.remove(name);
    assert.throws(() => bench.open(disk), CorruptionError);
  }
});

test('segments that a release left behind because its removals were reordered are cleared', () => {
  const { bench, entries } = smallLog();
  const disk = bench.disk.copy();
  disk.remove('wal-0000000000000002.log');
  const kept = entries.slice(-3);
  const before = entries.at(-4);
  assert.ok(before);
  const snapshot = { index: before.index, term: before.term };
  const recovered = bench.open(disk, 4096, snapshot);
  assert.deepEqual(recovered.entries, kept);
  assert.deepEqual(recovered.hardState, { term: 9, vote: '5', commit: 1 });
  assert.ok(!disk.list().includes('wal-0000000000000001.log'));
});

test('a value that holds a copy of the log is not taken for a part of it', () => {
  const bench = new Bench();
  const wal = bench.create(64 * 1024);
  bench.append(wal, entriesOf(1, 3));
  bench.append(wal, entriesOf(4, 6));
  const name = 'wal-0000000000000001.log';
  const file = bench.disk.open(name, 'read');
  const copied = file.read(0, endOf(bench.disk, name));
  bench.append(wal, [{ ...entryOf(7), payload: copied }]);
  const end = endOf(bench.disk, name);
  for (const offset of [end - 8, end - 100, end - copied.length - 8]) {
    const disk = bench.disk.copy();
    disk.flipBit(name, offset, 3);
    assert.deepEqual(bench.open(disk, 64 * 1024).entries, entriesOf(1, 6));
  }
});

test('what a killed process wrote and did not sync is durable before the log is ready', () => {
  for (let seed = 0; seed < 50; seed++) {
    const bench = new Bench({ seed });
    const wal = bench.create();
    bench.append(wal, entriesOf(1, 3));
    wal.append({ entries: entriesOf(4, 6) }, () => {});
    bench.scheduler.step();
    bench.disk.kill();
    const { entries } = bench.open();
    assert.deepEqual(entries, entriesOf(1, entries.length));
    bench.disk.crash();
    assert.deepEqual(bench.open().entries, entries);
  }
});
