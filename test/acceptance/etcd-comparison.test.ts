import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { AllowList } from './etcd-comparison/allowed.ts';
import { plant, plantedFaults } from './etcd-comparison/planted-faults.ts';
import { type RunningStore, startBoth } from './etcd-comparison/processes.ts';
import { Reach } from './etcd-comparison/reach.ts';
import { report } from './etcd-comparison/report.ts';
import { runFresh, runSeed } from './etcd-comparison/run-seed.ts';

/** Chosen so that together they reach everything that is required. */
const firstSeed = 31;
const seeds = 4;
const calls = 250;
/** A planted fault that is not found in so many seeds would hide in the real store as well. */
const plantedSeeds = 4;

const hasEtcd = spawnSync('etcd', ['--version']).status === 0;
/** Skipped where there is no etcd to compare with; in CI, which installs it, a skipped test is a failure. */
const skip = hasEtcd ? false : "etcd is missing; Debian's package is etcd-server";

describe('one member of Lockstep beside one of etcd, both asked the same', { skip }, () => {
  let etcd: RunningStore;
  let lockstep: RunningStore;

  before(async () => {
    [etcd, lockstep] = await startBoth();
  });
  after(() => Promise.all([etcd?.stop(), lockstep?.stop()]));

  test('they begin alike', async () => {
    const [reach, allowed] = [new Reach(), new AllowList()];
    const result = await runFresh([etcd.store, lockstep.store], { reach, allowed });
    if (result.findings.length > 0) assert.fail(report(result, 'the stores as they begin'));
  });

  test('they answer alike and tell their watches the same, but for the list of what may differ', async (t) => {
    const [reach, allowed] = [new Reach(), new AllowList()];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const options = { seed, calls, reach, allowed };
      const result = await runSeed([etcd.store, lockstep.store], options);
      if (result.findings.length > 0) {
        assert.fail(report(result, `seed ${seed}`, `--seed ${seed} --calls ${calls}`));
      }
    }
    for (const line of `${reach.table()}\n${allowed.table()}`.split('\n')) t.diagnostic(line);
    assert.deepEqual(reach.missing, []);
  });

  for (const [name, fault] of Object.entries(plantedFaults)) {
    test(`a planted fault is found: ${name}`, async (t) => {
      for (let seed = 1; seed <= plantedSeeds; seed++) {
        const [reach, allowed] = [new Reach(), new AllowList()];
        const options = { seed, calls, reach, allowed, plant: plant(fault()) };
        const { findings, requests } = await runSeed([etcd.store, lockstep.store], options);
        if (findings.length === 0) continue;
        t.diagnostic(`seed ${seed}, request ${requests.length - 1}: ${findings[0]?.field}`);
        return;
      }
      assert.fail(`not found in ${plantedSeeds} seeds`);
    });
  }
});
