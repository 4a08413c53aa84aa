import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '@lockstep/client';
import { lockstep, Program, temporaryDirectory } from '../harness/processes.ts';
import { planMembers, smallFiles } from '../harness/real-cluster.ts';

test("serve takes etcd's flags and variables, and refuses an etcd's data", async (t) => {
  const [plan] = await planMembers(1);
  assert.ok(plan !== undefined);
  const args = [
    ...['serve', '--name', 'x', '--data-dir', plan.dataDir, '--snapshot-count', '10000'],
    ...['--listen-client-urls', `http://${plan.clientAddress}`, '--strict-reconfig-check'],
    ...['--advertise-client-urls', `http://${plan.clientAddress}`, '--pre-vote=true'],
    ...['--listen-peer-urls', `http://${plan.peerAddress}`, '--auto-compaction-retention=1'],
    ...['--initial-cluster', `x=http://${plan.peerAddress}`, ...smallFiles],
  ];
  const variables = { ETCD_INITIAL_ADVERTISE_PEER_URLS: `http://${plan.peerAddress}` };
  const program = new Program(args, { variables });
  t.after(() => program.kill('SIGKILL'));
  await program.serving;
  assert.match(
    program.stderr,
    /^lockstep: --snapshot-count has no effect: .*--snapshot-bytes-min$/m,
  );
  await using client = new Client({ endpoints: plan.clientAddress });
  await client.put('a', '1');

  const foreign = join(temporaryDirectory(), 'etcd');
  mkdirSync(join(foreign, 'member', 'wal'), { recursive: true });
  const refused = await lockstep(['serve'], { variables: { ETCD_DATA_DIR: foreign } });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is the data directory of an etcd \(it holds member\/wal\)/);
  assert.deepEqual(readdirSync(foreign), ['member']);
  const tls = await lockstep(['serve'], { variables: { ETCD_CLIENT_CERT_AUTH: 'true' } });
  assert.deepEqual(
    [tls.code, /--client-cert-auth means TLS, which needs --cert-file/.test(tls.stderr)],
    [1, true],
  );
});
