import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '../../server/src/ports.ts';
import { diskKinds, type TestDisk } from '../harness/disks.ts';
import { appended, closed, entriesOf, entryOf, newLog, openLog } from '../harness/logs.ts';

const hardState = { term: 3, vote: '22', commit: 2 };

for (const { kind, make } of diskKinds) {
  const claim = (name: string, run: (made: TestDisk) => Promise<void>) =>
    test(`log on ${kind}: ${name}`, async () => {
      const made = make();
      try {
        await run(made);
      } finally {
        made.remove();
      }
    });
  const segments = (disk: Disk) => disk.list().filter((name) => name.endsWith('.log'));

  claim('what was appended is there after a restart', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    await appended(wal, { entries: entriesOf(1, 3), hardState });
    await appended(wal, { entries: [entryOf(4, 3, 0)] });
    await closed(wal);
    const recovered = await openLog(reopen());
    assert.deepEqual(recovered.entries, [...entriesOf(1, 3), entryOf(4, 3, 0)]);
    assert.deepEqual(recovered.hardState, hardState);
    assert.equal(recovered.cut, undefined);
    assert.equal(recovered.wal.lastIndex, 4);
    await closed(recovered.wal);
  });

  claim('a new log is empty after a restart', async ({ disk, reopen }) => {
    await closed(await newLog(disk));
    const { entries, hardState: state, wal } = await openLog(reopen());
    assert.deepEqual(entries, []);
    assert.deepEqual(state, { term: 0, vote: '', commit: 0 });
    await closed(wal);
  });

  claim('an entry with an old index replaces it and all after it', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    await appended(wal, { entries: entriesOf(1, 9) });
    await appended(wal, { entries: entriesOf(4, 6, 2) });
    await appended(wal, { entries: entriesOf(6, 7, 3) });
    const expected = [...entriesOf(1, 3), ...entriesOf(4, 5, 2), ...entriesOf(6, 7, 3)];
    assert.deepEqual(wal.read(1, 1e9), expected);
    await closed(wal);
    const recovered = await openLog(reopen());
    assert.deepEqual(recovered.entries, expected);
    assert.deepEqual(recovered.wal.read(1, 1e9), expected);
    await closed(recovered.wal);
  });

  claim('it goes on over many segments, and reads from any of them', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    for (let index = 1; index <= 300; index++) {
      await appended(wal, { entries: [entryOf(index, 1, 200)] });
    }
    assert.ok(segments(disk).length > 8);
    const check = (log: typeof wal) => {
      for (const from of [1, 2, 37, 150, 299, 300]) {
        assert.deepEqual(log.read(from, 1e9), entriesOf(from, 300, 1, 200));
      }
      const few = log.read(20, 1000) ?? [];
      assert.ok(few.length >= 1 && few.length <= 6, `${few.length} entries for 1000 bytes`);
      assert.deepEqual(log.read(301, 1000), []);
    };
    check(wal);
    await closed(wal);
    const recovered = await openLog(reopen());
    assert.deepEqual(recovered.entries, entriesOf(1, 300, 1, 200));
    check(recovered.wal);
    await closed(recovered.wal);
  });

  claim('released segments are gone and the hard state stays', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    await appended(wal, { entries: [], hardState });
    for (let index = 1; index <= 200; index++) {
      await appended(wal, { entries: [entryOf(index, 1, 200)] });
    }
    const before = segments(disk).length;
    await new Promise<void>((resolve) => wal.release(150, resolve));
    assert.ok(segments(disk).length < before - 3);
    assert.equal(wal.read(1, 1000), undefined);
    assert.deepEqual(wal.read(151, 1e9), entriesOf(151, 200, 1, 200));
    await closed(wal);
    const recovered = await openLog(reopen(), { snapshot: { index: 160, term: 1 } });
    assert.deepEqual(recovered.entries, entriesOf(161, 200, 1, 200));
    assert.deepEqual(recovered.hardState, hardState);
    await closed(recovered.wal);
    await assert.rejects(openLog(reopen(), { snapshot: { index: 10, term: 1 } }), {
      name: 'CorruptionError',
      message: /the newest good snapshot ends at entry 10: what is between is in no file/,
    });
  });

  claim('a snapshot from elsewhere replaces the log', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    await appended(wal, { entries: entriesOf(1, 9) });
    const snapshot = { index: 50, term: 4 };
    await appended(wal, { snapshot, entries: entriesOf(51, 53, 4) });
    assert.deepEqual(wal.read(51, 1e9), entriesOf(51, 53, 4));
    assert.equal(wal.read(9, 1e9), undefined);
    await closed(wal);
    const recovered = await openLog(reopen(), { snapshot });
    assert.deepEqual(recovered.entries, entriesOf(51, 53, 4));
    assert.equal(recovered.discarded, false);
    await closed(recovered.wal);
  });

  claim('a log that ends before its snapshot, or disagrees with it, begins anew', async (made) => {
    const wal = await newLog(made.disk);
    await appended(wal, { entries: entriesOf(1, 9), hardState });
    await closed(wal);
    const snapshot = { index: 5, term: 2 };
    const recovered = await openLog(made.reopen(), { snapshot });
    assert.deepEqual(recovered.entries, []);
    assert.deepEqual(recovered.hardState, hardState);
    assert.equal(recovered.discarded, true);
    await appended(recovered.wal, { entries: entriesOf(6, 7, 2) });
    await closed(recovered.wal);
    const later = { index: 20, term: 2 };
    const again = await openLog(made.reopen(), { snapshot: later });
    assert.equal(again.discarded, true);
    await appended(again.wal, { entries: entriesOf(21, 21, 3) });
    await closed(again.wal);
    const last = await openLog(made.reopen(), { snapshot: later });
    assert.deepEqual(last.entries, entriesOf(21, 21, 3));
    await closed(last.wal);
  });

  claim('an entry larger than a segment is kept', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    const large = entryOf(2, 1, 30_000);
    await appended(wal, { entries: [entryOf(1), large, entryOf(3)] });
    await appended(wal, { entries: [entryOf(4)] });
    await closed(wal);
    const recovered = await openLog(reopen());
    assert.deepEqual(recovered.entries, [entryOf(1), large, entryOf(3), entryOf(4)]);
    assert.deepEqual(recovered.wal.read(2, 10), [large]);
    await closed(recovered.wal);
  });

  claim('a log of another directory, cluster or member is refused', async ({ disk, reopen }) => {
    await closed(await newLog(disk));
    const { createWal, openWal } = await import('../../server/src/storage/wal/open.ts');
    const options = { onFailure: () => {}, snapshot: { index: 0, term: 0 } };
    const other = { clusterId: '11', memberId: '23', directoryId: 'directory-of-a-test' };
    assert.throws(
      () => openWal(reopen(), other, options, () => {}),
      /is not this member's: it belongs to member 22, not 23/,
    );
    assert.throws(() => createWal(reopen(), other, options, () => {}), /already has a log/);
  });

  claim('no log at all is refused where one must be', async ({ disk }) => {
    await assert.rejects(openLog(disk), { name: 'DataDirectoryError', message: /has no log/ });
  });

  claim('closing finishes what was appended', async ({ disk, reopen }) => {
    const wal = await newLog(disk);
    for (let index = 1; index <= 100; index++) {
      wal.append({ entries: [entryOf(index, 1, 500)] }, () => {});
    }
    await closed(wal);
    const recovered = await openLog(reopen());
    assert.equal(recovered.entries.length, 100);
    await closed(recovered.wal);
  });
}
