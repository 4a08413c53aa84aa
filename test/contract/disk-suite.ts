import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '../../server/src/ports.ts';
import { finished, type TestDisk } from '../harness/disks.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

/** What every Disk does, and the storage above it relies on. */
export function diskSuite(kind: string, make: () => TestDisk): void {
  const claim = (name: string, run: (disk: Disk, made: TestDisk) => Promise<void> | void) =>
    test(`${kind}: ${name}`, async () => {
      const made = make();
      try {
        await run(made.disk, made);
      } finally {
        made.remove();
      }
    });

  claim('what was written and synced is read back, also after a restart', async (disk, made) => {
    const file = disk.open('a', 'create');
    await finished((done) => file.write(0, bytes(1, 2, 3), done));
    await finished((done) => file.sync(done));
    assert.deepEqual(file.read(0, 3), bytes(1, 2, 3));
    file.close();
    await finished((done) => disk.syncDirectory(done));
    const again = made.reopen().open('a', 'read');
    assert.deepEqual(again.read(0, 10), bytes(1, 2, 3));
    again.close();
  });

  claim(
    'a durable write needs no sync, and follows its file through a rename',
    async (disk, made) => {
      const file = disk.open('a', 'create');
      disk.rename('a', 'b');
      await finished((done) => file.writeDurable(0, bytes(7, 8), done));
      assert.deepEqual(file.read(0, 2), bytes(7, 8));
      file.close();
      await finished((done) => disk.syncDirectory(done));
      const again = made.reopen().open('b', 'read');
      assert.deepEqual(again.read(0, 10), bytes(7, 8));
      again.close();
    },
  );

  claim('a write behind the end grows the file with zeros between', async (disk) => {
    const file = disk.open('a', 'create');
    await finished((done) => file.write(4, bytes(9), done));
    assert.equal(file.size(), 5);
    assert.deepEqual(file.read(0, 5), bytes(0, 0, 0, 0, 9));
    file.close();
  });

  claim('a read is short only at the end, and gives a fresh buffer', async (disk) => {
    const file = disk.open('a', 'create');
    await finished((done) => file.write(0, bytes(1, 2, 3), done));
    assert.deepEqual(file.read(2, 5), bytes(3));
    assert.deepEqual(file.read(3, 5), bytes());
    assert.deepEqual(file.read(99, 5), bytes());
    const first = file.read(0, 3);
    first[0] = 77;
    assert.deepEqual(file.read(0, 3), bytes(1, 2, 3));
    file.close();
  });

  claim('writes to separate ranges may overlap in time', async (disk) => {
    const file = disk.open('a', 'create');
    await Promise.all(
      [0, 1, 2, 3].map((at) => finished((done) => file.write(at * 2, bytes(at, at), done))),
    );
    assert.deepEqual(file.read(0, 8), bytes(0, 0, 1, 1, 2, 2, 3, 3));
    file.close();
  });

  claim('done is never called before write, sync or syncDirectory returns', async (disk) => {
    const file = disk.open('a', 'create');
    for (const call of [
      (done: () => void) => file.write(0, bytes(1), done),
      (done: () => void) => file.sync(done),
      (done: () => void) => disk.syncDirectory(done),
    ]) {
      let returned = false;
      const early = finished((done) => {
        call(() => done(returned ? undefined : new Error('called too early')));
      });
      returned = true;
      await early;
    }
    file.close();
  });

  claim('truncate cuts, and what grows again is zeros', async (disk) => {
    const file = disk.open('a', 'create');
    await finished((done) => file.write(0, bytes(1, 2, 3, 4), done));
    file.truncate(2);
    assert.equal(file.size(), 2);
    await finished((done) => file.write(3, bytes(5), done));
    assert.deepEqual(file.read(0, 4), bytes(1, 2, 0, 5));
    file.close();
  });

  claim('open refuses a file that is not there, and create one that is', (disk) => {
    const hasCode = (code: string) => (error: unknown) =>
      error instanceof Error && 'code' in error && error.code === code;
    assert.throws(() => disk.open('a', 'read'), hasCode('ENOENT'));
    assert.throws(() => disk.open('a', 'write'), hasCode('ENOENT'));
    disk.open('a', 'create').close();
    assert.throws(() => disk.open('a', 'create'), hasCode('EEXIST'));
    assert.throws(() => disk.remove('b'), hasCode('ENOENT'));
    assert.throws(() => disk.rename('b', 'c'), hasCode('ENOENT'));
  });

  claim('list gives the names sorted, and rename replaces', async (disk) => {
    for (const name of ['c', 'a', 'b']) {
      const file = disk.open(name, 'create');
      await finished((done) => file.write(0, Uint8Array.from([name.charCodeAt(0)]), done));
      file.close();
    }
    assert.deepEqual(disk.list(), ['a', 'b', 'c']);
    disk.rename('c', 'a');
    disk.remove('b');
    await finished((done) => disk.syncDirectory(done));
    assert.deepEqual(disk.list(), ['a']);
    const file = disk.open('a', 'read');
    assert.deepEqual(file.read(0, 1), Uint8Array.from(['c'.charCodeAt(0)]));
    file.close();
  });

  claim('a file that is open for reading refuses writes', async (disk) => {
    disk.open('a', 'create').close();
    const file = disk.open('a', 'read');
    await assert.rejects(async () => finished((done) => file.write(0, bytes(1), done)), {
      code: 'EBADF',
    });
    file.close();
  });

  claim('a large write arrives whole', async (disk) => {
    const file = disk.open('a', 'create');
    const large = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
    await finished((done) => file.write(7, large, done));
    assert.deepEqual(file.read(7, large.length), large);
    file.close();
  });
}
