import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from '@lockstep/client';
import { ConfigError, type Logger, type StartOptions, startMember } from '@lockstep/server';
import { runScript } from '../harness/script-process.ts';

function directory(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'lockstep-member-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Files small enough that a test does not wait for them. */
function settings(t: TestContext): StartOptions {
  return { dataDir: directory(t), listen: '127.0.0.1:0', walSegmentBytes: 1024 * 1024 };
}

async function problemsOf(options: StartOptions): Promise<readonly string[]> {
  try {
    await using _ = await startMember(options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail('it started');
}

test('two lines are a member with free ports, and what it wrote is there after a restart', async (t) => {
  const options = settings(t);
  {
    await using member = await startMember(options);
    await using client = new Client({ endpoints: member.clientAddress });
    await client.put('a', '1');
    assert.notEqual(member.clientAddress, member.peerAddress);
    // Clients learn where to reach it, so it must not be the port 0 of the options.
    let [self] = await client.members();
    while (self?.clientAddress === '') [self] = await client.members();
    assert.equal(self?.clientAddress, member.clientAddress);
    assert.doesNotMatch(`${self?.peerAddress}`, /:0$/);
  }
  await using again = await startMember(options);
  await using client = new Client({ endpoints: again.clientAddress });
  assert.equal((await client.get('a'))?.value, '1');
});

test('it stops once, however often it is asked to', async (t) => {
  const member = await startMember(settings(t));
  await Promise.all([member.stop(), member.stop(), member[Symbol.asyncDispose]()]);
  await using again = await startMember({ ...settings(t), dataDir: member.config.dataDir });
  assert.notEqual(again.clientAddress, '');
});

test('a setting that is wrong is refused under its name in the options', async (t) => {
  const good = settings(t);
  // As a program without types may call it.
  const unknown: object = { ...good, listn: '127.0.0.1:0' };
  assert.deepEqual(await problemsOf(unknown as StartOptions), [
    'there is no setting "listn"; did you mean "listen"?',
  ]);
  assert.match((await problemsOf({ ...good, listen: '2379' })).join(), /^listen is not host:port/);
  assert.match(
    (await problemsOf({ ...good, heartbeatMs: 100, electionMs: 200 })).join(),
    /^electionMs is 200; it must be at least 5 times heartbeatMs, so 500 or more$/,
  );
  assert.match(
    (await problemsOf({ ...good, name: 'a', initialCluster: { b: '127.0.0.1:1' } })).join(),
    /^initialCluster does not name this member: name is "a", the cluster is b$/,
  );
  assert.match((await problemsOf({ ...good, log: 'loud' as 'info' })).join(), /^logLevel must be/);
  assert.match(
    (await problemsOf({ ...good, log: { info: () => {} } as unknown as Logger })).join(),
    /^log must be a logger with info, warn and error, or one of trace/,
  );
});

test('a logger of the program hears what the member has to say', async (t) => {
  const said: string[] = [];
  const note = (fields: object, sentence: string): void => {
    said.push(`${JSON.stringify(fields)} ${sentence}`);
  };
  const log: Logger = { info: note, warn: note, error: note };
  await using _ = await startMember({ ...settings(t), listen: '0.0.0.0:0', log });
  assert.match(
    said.join('\n'),
    /"event":"configured".*listen is on all addresses, so advertise must name/,
  );
});

test('a program with a member prints nothing, and ends by itself when the member is stopped', async (t) => {
  const script = `
    import { startMember } from '@lockstep/server';
    const signals = () => ['SIGINT', 'SIGTERM', 'exit', 'uncaughtException'].map((name) => process.listenerCount(name));
    const before = signals().join();
    const member = await startMember(${JSON.stringify(settings(t))});
    if (signals().join() !== before) throw new Error('the member listens to the process');
    await member.stop();`;
  assert.deepEqual(await runScript(t, script), { code: 0, out: '', err: '' });
});
