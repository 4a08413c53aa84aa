import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { offline, saved } from '../harness/backups.ts';
import { lockstep } from '../harness/processes.ts';

describe('a restore refuses', () => {
  test('a file that was cut or flipped, and names the file and the offset', async (t) => {
    const { cluster, directory, file } = await saved(t);
    await cluster.kill();
    const bytes = readFileSync(file);
    const damaged = join(directory, 'damaged.snap');
    const refusal = async (content: Uint8Array): Promise<string> => {
      writeFileSync(damaged, content);
      const target = join(directory, 'target');
      const runs = [
        ['snapshot', 'status', damaged],
        ['snapshot', 'restore', damaged, '--data-dir', target],
      ];
      const said: string[] = [];
      for (const words of runs) {
        const { code, stderr } = await offline(words);
        assert.equal(code, 1, stderr);
        said.push(stderr);
      }
      assert.equal(existsSync(target), false);
      assert.equal(said[0], said[1]);
      return said[0] ?? '';
    };
    assert.match(
      await refusal(bytes.subarray(0, -512)),
      /damaged\.snap is no whole .* at offset \d+, .*cut off/,
    );
    assert.match(await refusal(bytes.subarray(0, 300)), /at offset \d+, .*cut off/);
    const flipped = Buffer.from(bytes);
    flipped[500] = (flipped[500] ?? 0) ^ 4;
    assert.match(
      await refusal(flipped),
      /damaged\.snap is no whole .* at offset \d+, a checksum does not match/,
    );
    assert.match(await refusal(Buffer.from('no snapshot')), /may be no snapshot of Lockstep/);
  });

  test('to write over data, and a member that it does not know', async (t) => {
    const { cluster, directory, file } = await saved(t);
    const { dataDir } = cluster.member(0).plan;
    const over = await offline(['snapshot', 'restore', file, '--data-dir', dataDir]);
    assert.equal(over.code, 1);
    assert.match(
      over.stderr,
      /is not empty \(it holds .*\): a snapshot is restored into a new directory/,
    );
    const target = ['--data-dir', join(directory, 'target')];
    const list = ['--initial-cluster', 'a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3'];
    const unknown = await lockstep([
      'snapshot',
      'restore',
      file,
      ...target,
      ...list,
      '--name',
      'd',
    ]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /--initial-cluster does not name this member: --name is "d"/);
    const bump = await offline(['snapshot', 'restore', file, ...target, '--bump-revision', '-4']);
    assert.match(
      bump.stderr,
      /--bump-revision is "-4"; it must be a whole number|argument missing/,
    );
    assert.deepEqual(readdirSync(directory), ['backup.snap']);
  });
});

test('without a quorum a member can still be saved, if that is asked for', async (t) => {
  const { cluster, directory } = await saved(t, 3);
  const [first, ...others] = cluster.members;
  assert.ok(first !== undefined);
  await cluster.caughtUp();
  for (const member of others) await member.kill();
  const save = ['snapshot', 'save', join(directory, 'alone.snap'), '--endpoints', first.address];
  const refused = await lockstep([...save, '--timeout', '15s']);
  assert.notEqual(refused.code, 0);
  assert.equal(existsSync(join(directory, 'alone.snap')), false);
  assert.deepEqual(readdirSync(directory), ['backup.snap']);
  assert.equal((await lockstep([...save, '--serializable'])).code, 0);
  const { stdout } = await lockstep([
    'snapshot',
    'status',
    join(directory, 'alone.snap'),
    '-w',
    'json',
  ]);
  assert.equal(JSON.parse(stdout).keys, 4);
});
