import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { AllowList } from './allowed.ts';
import { plant, plantedFaults } from './planted.ts';
import { RawReach } from './reach.ts';
import { runSeed } from './run-raw-seed.ts';
import { type RunningApi, startBoth } from './servers.ts';

const calls = 200;
/** A planted difference that is not found in so many seeds would hide in the real door as well. */
const seeds = 6;

const hasEtcd = spawnSync('etcd', ['--version']).status === 0;
/** Skipped where there is no etcd to compare with; in CI, which installs it, a skipped test is a failure. */
const skip = hasEtcd ? false : "etcd is missing; Debian's package is etcd-server";

/** Five of one half of the planted differences: all together take longer than a process of tests may. */
export function findPlanted(half: 0 | 1): void {
  describe('the comparison with etcd over gRPC', { skip }, () => {
    let etcd: RunningApi;
    let lockstep: RunningApi;

    before(async () => {
      [etcd, lockstep] = await startBoth();
    });
    after(() => Promise.all([etcd?.stop(), lockstep?.stop()]));

    const ours = Object.entries(plantedFaults).filter((_, at) => at % 2 === half);
    for (const [name, fault] of ours.slice(0, 5)) {
      test(`finds a planted difference: ${name}`, async (t) => {
        for (let seed = 1; seed <= seeds; seed++) {
          const [reach, allowed] = [new RawReach(), new AllowList()];
          const options = { seed, calls, reach, allowed, plant: plant(fault) };
          const { found, requests } = await runSeed([etcd.store, lockstep.store], options);
          if (found.length === 0) continue;
          t.diagnostic(`seed ${seed}, request ${requests.length - 1}: ${found[0]?.path}`);
          return;
        }
        assert.fail(`not found in ${seeds} seeds`);
      });
    }
  });
}
