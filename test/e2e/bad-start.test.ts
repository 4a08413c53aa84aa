import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { lockstep, temporaryDirectory } from '../harness/processes.ts';
import {
  type MemberPlan,
  MemberProcess,
  planMembers,
  serveArguments,
} from '../harness/real-cluster.ts';

/** Starts a member that must refuse to run, and gives what it said. */
async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await lockstep(args);
  assert.equal(code, 1, `exit code ${code}; it said: ${stderr}${stdout}`);
  assert.doesNotMatch(stdout, /serves clients/, 'it must not claim to serve');
  // Made for a person: what is wrong, not where in the program.
  assert.doesNotMatch(stderr, /\n\s+at |node:internal/, stderr);
  return stderr;
}

async function oneMember(): Promise<MemberPlan> {
  const [plan] = await planMembers(1);
  assert(plan !== undefined);
  return plan;
}

function serve(plan: MemberPlan): Promise<string> {
  return refusal(serveArguments(plan));
}

describe('a member that cannot start says why, and exits with 1', { concurrency: 3 }, () => {
  test('what a running member holds: its client port, its peer port, its directory', async (t) => {
    const member = new MemberProcess(await oneMember());
    t.after(() => member.kill());
    member.start();
    await member.ready();
    const { clientAddress, peerAddress, dataDir } = member.plan;
    const other = await oneMember();

    const sameClient = await serve({ ...other, clientAddress });
    assert.match(sameClient, new RegExp(`${clientAddress}.*(in use|has the port).*--listen`));

    const sameInitial = other.initialCluster.replace(other.peerAddress, peerAddress);
    const samePeer = await serve({ ...other, peerAddress, initialCluster: sameInitial });
    assert.match(samePeer, new RegExp(`${peerAddress}.*in use.*--peer-listen`));

    const sameDirectory = await serve({ ...other, dataDir });
    const { pid } = member.program;
    assert.match(
      sameDirectory,
      new RegExp(`${dataDir} is in use by another member \\(process ${pid}\\)`),
    );

    assert.equal((await member.stop()).code, 0, 'the member itself was not disturbed');
  });

  test('a directory of another cluster, of another member, of a newer format', async (t) => {
    const plan = await oneMember();
    const member = new MemberProcess(plan);
    t.after(() => member.kill());
    member.start();
    await member.ready();
    assert.equal((await member.stop()).code, 0);

    const flags = [...plan.flags, '--initial-cluster-token', 'another'];
    assert.match(await serve({ ...plan, flags }), /belongs to cluster \d+, but .* as cluster \d+/);

    // The same cluster, another member of it.
    const trio = await planMembers(3);
    const [first, second] = trio;
    assert(first !== undefined && second !== undefined);
    const founder = new MemberProcess(first);
    t.after(() => founder.kill());
    founder.start();
    await founder.program.serving;
    assert.equal((await founder.stop()).code, 0);
    assert.match(
      await serve({ ...second, dataDir: first.dataDir }),
      /belongs to member .*, but this member was started as member/,
    );

    const identity = join(plan.dataDir, 'identity.json');
    const content = readFileSync(identity, 'utf8');
    writeFileSync(identity, content.replace(/"format": \d+/, '"format": 99'));
    assert.match(await serve(plan), /written by a newer lockstep \(format 99; .* up to \d+\)/);

    writeFileSync(identity, content.replace(/"name": "a"/, '"name": "b"'));
    assert.match(await serve(plan), /identity\.json is damaged or was edited/);

    writeFileSync(identity, content);
    member.start();
    await member.ready();
  });

  test('a directory that cannot be written', async () => {
    const plan = await oneMember();
    // Nobody can make a directory there, an administrator neither.
    const readOnly = await serve({ ...plan, dataDir: '/sys/lockstep-test' });
    assert.match(
      readOnly,
      /the data directory \/sys\/lockstep-test cannot be used \((EPERM|EACCES|EROFS)\): .*choose another/,
    );

    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, 'here first');
    assert.match(await serve({ ...plan, dataDir: file }), /is a file and not a directory/);
    assert.equal(readFileSync(file, 'utf8'), 'here first');
  });

  test('a directory with files of a member and no identity', async () => {
    const plan = await oneMember();
    mkdirSync(plan.dataDir, { recursive: true });
    writeFileSync(join(plan.dataDir, 'wal-0000000000000001.log'), '');
    assert.match(await serve(plan), /holds a member's files .* but no identity\.json/);
  });

  test('an unknown flag, verb or setting names the nearest one', async () => {
    const config = join(temporaryDirectory(), 'lockstep.yaml');
    writeFileSync(config, `data_dir: ${dirname(config)}\n`);
    const [flag, verb, setting, value] = await Promise.all([
      refusal(['serve', '--data-dri', 'x']),
      refusal(['serv']),
      refusal(['serve', '--config', config]),
      refusal(['serve', '--wal-segment-bytes', '65537']),
    ]);
    assert.match(flag, /unknown option .*--data-dri.*\n.*--data-dir/);
    assert.match(verb, /unknown command 'serv'[\s\S]*serve/);
    assert.match(setting, /lockstep\.yaml cannot work: there is no setting "data_dir"/);
    assert.match(setting, /did you mean "data-dir"\?/);
    assert.match(value, /--wal-segment-bytes must be a multiple of 8/);
  });
});
