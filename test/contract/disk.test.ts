import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SystemDisk } from '../../server/src/io/system-disk.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { diskKinds, finished } from '../harness/disks.ts';
import { Scheduler } from '../harness/scheduler.ts';
import { diskSuite } from './disk-suite.ts';

for (const { kind, make } of diskKinds) diskSuite(kind, make);

test('system disk: the directory is made with its parents, for its owner only', () => {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
  try {
    const disk = new SystemDisk(join(root, 'deep', 'down'));
    assert.equal(statSync(disk.location).mode & 0o777, 0o700);
    assert.deepEqual(disk.list(), []);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('system disk: a path through a file is refused with a sentence', () => {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
  try {
    writeFileSync(join(root, 'file'), '');
    for (const path of [join(root, 'file'), join(root, 'file', 'below')]) {
      assert.throws(() => new SystemDisk(path), /cannot be used.*a file and not a directory/);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('system disk: a name that leads out of the directory is refused', () => {
  const root = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
  try {
    const disk = new SystemDisk(root);
    for (const name of ['../up', 'a/b', '..', '.']) {
      assert.throws(() => disk.open(name, 'create'), /not the name of a file/);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

/** Writes `after` over `before`, which is durable, and crashes before or after a sync. */
function crashed(seed: number, sync: boolean): { content: string; sizes: number } {
  const scheduler = new Scheduler();
  const disk = new SimDisk({ seed, schedule: scheduler.schedule });
  const file = disk.open('a', 'create');
  const done = (error?: Error) => assert.equal(error, undefined);
  file.write(0, new Uint8Array(16 * 1024).fill(1), done);
  scheduler.settle();
  file.sync(done);
  disk.syncDirectory(done);
  scheduler.settle();
  file.write(0, new Uint8Array(16 * 1024).fill(2), done);
  scheduler.settle();
  if (sync) {
    file.sync(done);
    scheduler.settle();
  }
  disk.crash();
  const bytes = disk.open('a', 'read').read(0, 16 * 1024);
  const sectors = Array.from({ length: 32 }, (_, at) => bytes[at * 512]).join('');
  return { content: sectors, sizes: bytes.length };
}

test('simulated disk: a crash keeps what was synced and tears what was not, by page and by sector', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    assert.equal(crashed(seed, true).content, '2'.repeat(32));
    seen.add(crashed(seed, false).content);
    assert.deepEqual(crashed(seed, false), crashed(seed, false));
  }
  assert.ok(seen.has('1'.repeat(32)), 'all lost');
  assert.ok(seen.has('2'.repeat(32)), 'all kept');
  const byPage = /^(1{8}|2{8})+$/;
  const mixed = [...seen].filter((content) => content.includes('1') && content.includes('2'));
  assert.ok(
    mixed.some((content) => byPage.test(content)),
    'torn by page',
  );
  assert.ok(
    mixed.some((content) => !byPage.test(content)),
    'torn by sector',
  );
  assert.ok(
    mixed.some((content) => content.startsWith('1')),
    'later kept, earlier lost',
  );
});

test('simulated disk: creations and renames without a directory sync may or may not survive', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk({ seed, schedule: scheduler.schedule });
    disk.open('kept', 'create').close();
    disk.syncDirectory(() => {});
    scheduler.settle();
    disk.open('new', 'create').close();
    disk.rename('kept', 'renamed');
    disk.crash();
    seen.add(disk.list().join());
  }
  assert.deepEqual([...seen].sort(), ['kept', 'kept,new', 'new,renamed', 'renamed']);
});

test('simulated disk: what was under way at a crash never ends, and old handles are dead', () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk({ seed: 1, schedule: scheduler.schedule });
  const file = disk.open('a', 'create');
  file.write(0, Uint8Array.of(1), () => assert.fail('ended after the crash'));
  disk.crash();
  scheduler.settle();
  assert.throws(() => file.size(), /not open/);
});

test('simulated disk: a full disk and a failed sync are errors with their code', async () => {
  const scheduler = new Scheduler();
  const schedule = (delayMs: number, run: () => void) => {
    scheduler.schedule(delayMs, run);
    setImmediate(() => scheduler.step());
  };
  const disk = new SimDisk({ seed: 1, schedule, capacityBytes: 1000 });
  const file = disk.open('a', 'create');
  await finished((done) => file.write(0, new Uint8Array(1000), done));
  await finished((done) => file.write(0, new Uint8Array(1000), done));
  await assert.rejects(
    finished((done) => file.write(1000, new Uint8Array(1), done)),
    { code: 'ENOSPC' },
  );
  disk.failNext('sync');
  await assert.rejects(
    finished((done) => file.sync(done)),
    { code: 'EIO' },
  );
});
