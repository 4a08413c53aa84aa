import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Client, LockstepError } from '@lockstep/client';
import { lockstep } from '../harness/processes.ts';
import { MemberProcess, planMembers, serveArguments, smallFiles } from '../harness/real-cluster.ts';
import { smallDisk } from '../harness/small-disk.ts';

const value = 'v'.repeat(4 * 1024);
const writesMax = 5_000;

describe('a full disk stops the member with a sentence, and with room again nothing is lost', {
  concurrency: 2,
}, () => {
  test('when the log cannot grow', (t) => fullDisk(t, ['--wal-segment-bytes', '1048576']));
  test('when a snapshot cannot be written', (t) => fullDisk(t, smallFiles));
});

async function fullDisk(t: TestContext, flags: readonly string[]): Promise<void> {
  const disk = smallDisk(16);
  t.diagnostic(disk.kind);
  const [plan, second] = await planMembers(2, flags);
  assert(plan !== undefined && second !== undefined);
  const initialCluster = `a=${plan.peerAddress}`;
  const dataDir = join(disk.directory, 'a');
  const member = new MemberProcess({ ...plan, initialCluster, dataDir });
  t.after(() => member.kill());
  member.start();
  await member.ready();

  const acknowledged: string[] = [];
  await using client = new Client({ endpoints: member.address, callTimeoutMs: 2_000 });
  const write = async (key: string): Promise<boolean> => {
    try {
      await client.put(key, value);
      acknowledged.push(key);
      return true;
    } catch (error) {
      assert(error instanceof LockstepError, String(error));
      return false;
    }
  };
  for (let number = 0; number < 20; number++) assert(await write(`before/${number}`));
  disk.fill(member.program.pid);
  let number = 0;
  while (await write(`during/${number}`)) {
    assert(++number < writesMax, 'a full disk takes no end of writes');
  }
  assert.deepEqual(await member.program.ended(), { code: 1, signal: null });
  const { stderr } = member.program;
  assert.match(
    stderr,
    /^lockstep: the member stopped: .*(ENOSPC|EFBIG|File too large).*start .*again$/m,
  );
  assert.match(stderr, /free space|check the disk/);
  assert.doesNotMatch(stderr, /\n\s+at /);

  if (disk.kind === 'a full file system') {
    const newcomer = { ...second, name: 'a', dataDir: join(disk.directory, 'b') };
    const args = serveArguments({ ...newcomer, initialCluster: `a=${second.peerAddress}` });
    const started = await lockstep(args);
    assert.equal(started.code, 1);
    assert.match(started.stderr, /ENOSPC.*free (some )?space/);
  }

  disk.free();
  member.start();
  await member.ready();
  await using reader = new Client({ endpoints: member.address });
  const { kvs } = await reader.range({ prefix: '' }, { keysOnly: true });
  const found = new Set(kvs.map(({ key }) => key));
  assert.deepEqual(
    acknowledged.filter((key) => !found.has(key)),
    [],
  );
  await reader.put('after', value);
}
