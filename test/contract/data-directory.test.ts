import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '../../server/src/ports.ts';
import {
  checkDataDirectory,
  clearUnfinished,
  identityFile,
  readDataDirectory,
  writeDataDirectory,
} from '../../server/src/storage/data-directory.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { diskKinds, finished } from '../harness/disks.ts';
import { Scheduler } from '../harness/scheduler.ts';

const identity = { clusterId: '11', memberId: '22', directoryId: 'abc', name: 'a' };

async function put(disk: Disk, name: string, text: string): Promise<void> {
  if (disk.list().includes(name)) disk.remove(name);
  const file = disk.open(name, 'create');
  await finished((done) => file.write(0, new TextEncoder().encode(text), done));
  file.close();
}

for (const { kind, make } of diskKinds) {
  const claim = (name: string, run: (disk: Disk) => Promise<void>) =>
    test(`data directory on ${kind}: ${name}`, async () => {
      const made = make();
      try {
        await run(made.disk);
      } finally {
        made.remove();
      }
    });

  claim('an empty one is nobody’s, and then a member’s', async (disk) => {
    assert.equal(readDataDirectory(disk), undefined);
    await finished((done) => writeDataDirectory(disk, { identity, complete: false }, done));
    assert.deepEqual(readDataDirectory(disk), { identity, complete: false });
    await finished((done) => writeDataDirectory(disk, { identity, complete: true }, done));
    assert.deepEqual(readDataDirectory(disk), { identity, complete: true });
    assert.deepEqual(disk.list(), [identityFile]);
  });

  claim('a set-up that was broken off is cleared', async (disk) => {
    await finished((done) => writeDataDirectory(disk, { identity, complete: false }, done));
    await put(disk, 'wal-0000000000000001.log', 'x');
    await put(disk, 'wal-0000000000000002.log.tmp', 'x');
    await put(disk, 'notes.txt', 'x');
    clearUnfinished(disk);
    assert.deepEqual(disk.list(), [identityFile, 'notes.txt']);
  });

  claim('a log without an identity is refused', async (disk) => {
    await put(disk, 'wal-0000000000000001.log', 'x');
    assert.throws(() => readDataDirectory(disk), /holds a member's files .* but no identity\.json/);
  });

  claim('a newer format is refused', async (disk) => {
    await put(disk, identityFile, '{"format":7,"who":"knows"}');
    assert.throws(
      () => readDataDirectory(disk),
      /written by a newer lockstep \(format 7; this build reads up to 1\): start it with that build/,
    );
  });

  claim('damage is refused', async (disk) => {
    await finished((done) => writeDataDirectory(disk, { identity, complete: true }, done));
    const file = disk.open(identityFile, 'read');
    const text = new TextDecoder().decode(file.read(0, file.size()));
    file.close();
    const edits = ['', '{}', 'null', text.slice(0, -10), text.replace('"22"', '"23"')];
    for (const edited of [...edits, text.replace('"format": 1', '"format": 0')]) {
      await put(disk, identityFile, edited);
      assert.throws(() => readDataDirectory(disk), /identity\.json is damaged or was edited/);
    }
  });
}

test('a directory of another cluster, member or name is refused with what to do', () => {
  const disk = new SimDisk({ seed: 1, schedule: () => {}, location: '/data/a' });
  checkDataDirectory(disk, identity, {});
  checkDataDirectory(disk, identity, { clusterId: '11', memberId: '22', name: 'a' });
  assert.throws(
    () => checkDataDirectory(disk, identity, { clusterId: '12' }),
    /\/data\/a belongs to cluster 11, but this member was started as cluster 12\. Start it with/,
  );
  assert.throws(() => checkDataDirectory(disk, identity, { memberId: '1' }), /member 22, but/);
  assert.throws(() => checkDataDirectory(disk, identity, { name: 'b' }), /member "a", but/);
});

test('a crash while the identity is written leaves the old one or the new one', () => {
  const seen = new Set<unknown>();
  for (let seed = 0; seed < 200; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk({ seed, schedule: scheduler.schedule });
    writeDataDirectory(disk, { identity, complete: false }, () => {});
    scheduler.settle();
    let done = false;
    writeDataDirectory(disk, { identity, complete: true }, () => {
      done = true;
    });
    for (let step = 0; step < seed % 5; step++) scheduler.step();
    disk.crash();
    const complete = readDataDirectory(disk)?.complete;
    assert.ok(complete === true || (complete === false && !done));
    seen.add(complete);
  }
  assert.deepEqual(seen, new Set([true, false]));
});
