import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Client } from '@lockstep/client';
import { checksumSeed } from '../../server/src/storage/wal/record.ts';
import {
  readSegmentHeader,
  scanSegment,
  segmentHeaderBytes,
} from '../../server/src/storage/wal/segment.ts';
import { until } from '../harness/processes.ts';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';

const smallest = ['--wal-segment-bytes', '65536', '--snapshot-bytes-min', '65536'];
const keys = 200;
const value = 'v'.repeat(2 * 1024);

function keyOf(number: number): string {
  return `key/${String(number).padStart(5, '0')}`;
}

async function startMember(t: TestContext, flags?: readonly string[]): Promise<MemberProcess> {
  const [plan] = await planMembers(1, flags);
  assert(plan !== undefined);
  const member = new MemberProcess(plan);
  t.after(() => member.kill());
  member.start();
  await member.ready();
  return member;
}

/** Writes all keys and kills the member. */
async function writeAndKill(member: MemberProcess): Promise<void> {
  await using client = new Client({ endpoints: member.address });
  for (let number = 0; number < keys; number += 20) {
    const batch = Array.from({ length: 20 }, (_, at) => client.put(keyOf(number + at), value));
    await Promise.all(batch);
  }
  await member.kill();
}

async function restartAndCount(member: MemberProcess): Promise<number> {
  member.start();
  await member.ready();
  await using client = new Client({ endpoints: member.address });
  const { kvs } = await client.range({ prefix: 'key/' });
  for (const [at, kv] of kvs.entries()) {
    assert.equal(kv.key, keyOf(at));
    assert.equal(kv.value, value);
  }
  return kvs.length;
}

/** Starts it; it must refuse. @returns what it said. */
async function refusal(member: MemberProcess): Promise<string> {
  member.start();
  assert.deepEqual(await member.program.ended(), { code: 1, signal: null }, member.describe());
  const { stderr } = member.program;
  assert.doesNotMatch(stderr, /\n\s+at /);
  return stderr;
}

function filesOf(member: MemberProcess, start: string): string[] {
  const names = readdirSync(member.plan.dataDir).filter((name) => name.startsWith(start));
  return names.sort().map((name) => join(member.plan.dataDir, name));
}

/** The published snapshots, oldest first. */
function snapshotsOf(member: MemberProcess): string[] {
  return filesOf(member, 'snapshot-').filter((name) => name.endsWith('.snap'));
}

/** The last segment that was written to, its content, and where its frames end. */
function writtenSegment(member: MemberProcess): { file: string; bytes: Buffer; end: number } {
  for (const file of filesOf(member, 'wal-').reverse()) {
    const bytes = readFileSync(file);
    const header = readSegmentHeader(bytes);
    if (typeof header === 'string') continue;
    const { sequence, identity } = header;
    // The last frame may itself end in zeros, so that only its length tells where it ends.
    const { end } = scanSegment({ bytes, sequence, seed: checksumSeed(identity) }, () => {});
    if (end > segmentHeaderBytes) return { file, bytes, end };
  }
  throw new Error('there is no log');
}

function flipBit(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(file, bytes);
}

describe('damage on disk after kill -9', { concurrency: 3 }, () => {
  test('a torn end of the log is cut off, and everything acknowledged is there', async (t) => {
    const member = await startMember(t);
    await writeAndKill(member);

    const garbled = writtenSegment(member);
    // What a broken-off write left behind begins where the frames end.
    const { end } = garbled;
    for (let at = end; at < end + 700; at++) garbled.bytes[at] = (at * 31) % 251;
    writeFileSync(garbled.file, garbled.bytes);
    assert.equal(await restartAndCount(member), keys);
    assert.match(member.program.stdout, /cut \d+ bytes of an unfinished write off wal-/);

    await member.kill();
    const short = writtenSegment(member);
    writeFileSync(short.file, short.bytes.subarray(0, short.end));
    assert.equal(await restartAndCount(member), keys);
  });

  test('a flipped bit where the log was durable is refused, with file and offset', async (t) => {
    const member = await startMember(t);
    await writeAndKill(member);
    const { file, end } = writtenSegment(member);
    const whole = readFileSync(file);
    flipBit(file, Math.floor(end / 2));
    const said = await refusal(member);
    assert.match(said, /wal-[0-9a-f]{16}\.log/);
    const offset = Number(/offset (\d+)/.exec(said)?.[1]);
    assert(offset > 0 && offset <= end / 2, `it names offset ${offset}, ${end / 2} was damaged`);

    writeFileSync(file, whole);
    assert.equal(await restartAndCount(member), keys, 'the refusal changed nothing');
  });

  test('a damaged newest snapshot is survived by the one before; two damaged ones are refused', async (t) => {
    const member = await startMember(t, smallest);
    await writeAndKill(member);
    // Two are kept; the kill may have come before a third's publication removed the oldest.
    const snapshots = snapshotsOf(member);
    const newest = snapshots.at(-1);
    assert(snapshots.length >= 2 && newest !== undefined, `${snapshots}`);
    const size = readFileSync(newest).length;
    assert(size > 64 * 1024, `a snapshot of ${size} bytes holds no keys`);

    flipBit(newest, Math.floor(size / 2));
    assert.equal(await restartAndCount(member), keys);
    assert.match(member.program.stdout, /snapshot-\S+\.snap.*An older snapshot served/);

    // A truncated one is no better than a flipped one.
    await member.kill();
    const last = snapshotsOf(member).at(-1) ?? '';
    writeFileSync(last, readFileSync(last).subarray(0, 1_000));
    assert.equal(await restartAndCount(member), keys);

    await member.kill();
    for (const name of filesOf(member, 'snapshot-')) flipBit(name, 700);
    assert.match(await refusal(member), /snapshot-\S+\.snap/);
  });

  test('snapshots are taken while it runs, and the log behind them is removed', async (t) => {
    const member = await startMember(t, smallest);
    await using client = new Client({ endpoints: member.address });
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => client.put(keyOf(at), value)));
    }
    await until('the first segment is gone', () =>
      filesOf(member, 'wal-').every((file) => !file.endsWith('wal-0000000000000001.log')),
    );
    await until('two snapshots are left', () => snapshotsOf(member).length === 2);
    await member.kill();
    assert.equal(await restartAndCount(member), 20);
  });
});
