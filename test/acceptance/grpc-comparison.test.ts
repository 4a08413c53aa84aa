import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { GrpcClient } from '../harness/grpc-client.ts';
import { nameOf, services } from './etcd-compatibility/document.ts';
import { exceptions } from './etcd-compatibility/table.ts';
import { AllowList } from './grpc-comparison/allowed.ts';
import { RawReach } from './grpc-comparison/reach.ts';
import { report } from './grpc-comparison/report.ts';
import { runSeed } from './grpc-comparison/run-raw-seed.ts';
import { type RunningApi, startBoth } from './grpc-comparison/servers.ts';

const firstSeed = 1;
const seeds = 4;
const calls = 200;

/** Milliseconds after which a call that has not ended is taken to wait for something. */
const waitMs = 2_000;
/** gRPC's code for a method that there is not. */
const unimplemented = 12;

const hasEtcd = spawnSync('etcd', ['--version']).status === 0;
/** Skipped where there is no etcd to compare with; in CI, which installs it, a skipped test is a failure. */
const skip = hasEtcd ? false : "etcd is missing; Debian's package is etcd-server";

describe('Lockstep and etcd over gRPC, both sent the same messages', { skip }, () => {
  let etcd: RunningApi;
  let lockstep: RunningApi;

  before(async () => {
    [etcd, lockstep] = await startBoth();
  });
  after(() => Promise.all([etcd?.stop(), lockstep?.stop()]));

  test('they answer with the same messages, codes and texts, but for the list of what may differ', async (t) => {
    const [reach, allowed] = [new RawReach(), new AllowList()];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const options = { seed, calls, reach, allowed };
      const result = await runSeed([etcd.store, lockstep.store], options);
      if (result.found.length > 0) {
        assert.fail(report(result, `seed ${seed}`, `--seed ${seed} --calls ${calls}`));
      }
    }
    for (const line of `${reach.table()}\n${allowed.table()}`.split('\n')) t.diagnostic(line);
  });

  test('a method is absent exactly where the table of compatibility says so', async () => {
    const client = new GrpcClient(lockstep.address);
    const wrong: string[] = [];
    for (const method of services.flatMap(({ methods }) => methods)) {
      const call = client.open(method, () => {});
      call.send({});
      call.end();
      // Some wait for what will not happen: a call that takes its time is there.
      const waits = new Promise((resolve) => setTimeout(resolve, waitMs, { code: 0 }).unref());
      const ended = (await Promise.race([call.done, waits])) as { readonly code: number };
      call.cancel();
      const isAbsent = ended.code === unimplemented;
      if (isAbsent !== (exceptions[nameOf(method)]?.verdict === 'absent')) {
        wrong.push(`${nameOf(method)} ${isAbsent ? 'is absent' : 'is there'}`);
      }
    }
    client.close();
    assert.deepEqual(wrong, []);
  });
});
