import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvariantError } from '../../server/src/core/base/assert.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import { Checks } from './checks.ts';
import { Coverage } from './coverage.ts';
import { SimCluster, type SimHost } from './sim-cluster.ts';

/** The simulation proves something only if what runs in it is what runs in production. */
describe('the simulated cluster runs the real loop on the real log', () => {
  function cluster(voters: number): SimCluster {
    const coverage = new Coverage();
    const checks = new Checks(coverage);
    const made = new SimCluster({ seed: 5, voters, joiners: 0, checks, coverage, trace: () => {} });
    for (const host of made.hosts) made.start(host);
    made.time.advance(5_000);
    return made;
  }

  function put(host: SimHost, value: string, acknowledged: () => void): void {
    host.member?.propose(
      {
        type: 'put',
        key: 'k' as ByteString,
        value: value as ByteString,
        lease: '0',
        prevKv: false,
        ignoreValue: false,
        ignoreLease: false,
      },
      (outcome) => {
        if (outcome.ok) acknowledged();
      },
    );
  }

  function valueAt(host: SimHost): string | undefined {
    return host.member?.machine.store.get('k' as ByteString)?.value;
  }

  test('a put is in the files of the disk before it is acknowledged, and a crash keeps it', () => {
    const one = cluster(1);
    const [host] = one.hosts as [SimHost];
    const { syncs, writtenBytes } = host.disk.counts;
    let done = false;
    put(host, 'value that must survive', () => {
      done = true;
      assert.ok(host.disk.counts.syncs > syncs, 'synced before the answer');
      assert.ok(host.disk.counts.writtenBytes > writtenBytes, 'written before the answer');
    });
    one.time.advance(1_000);
    assert.ok(done);
    one.crash(host);
    one.start(host);
    one.time.advance(5_000);
    assert.equal(valueAt(host), 'value that must survive');
  });

  test('a disk whose sync fails stops the member, and nothing is acknowledged', () => {
    const coverage = new Coverage();
    const checks = new Checks(coverage);
    checks.allowFailure = true;
    const one = new SimCluster({
      seed: 6,
      voters: 1,
      joiners: 0,
      checks,
      coverage,
      trace: () => {},
    });
    const [host] = one.hosts as [SimHost];
    one.start(host);
    one.time.advance(5_000);
    let acknowledged = false;
    host.disk.failNext('sync', /^wal-/, 'EIO');
    put(host, 'never', () => {
      acknowledged = true;
    });
    one.time.advance(10_000);
    assert.equal(acknowledged, false);
    // It has ended by itself, and nobody starts it here.
    assert.equal(host.member, undefined);
  });

  test('without a majority nothing is acknowledged', () => {
    const three = cluster(3);
    const leader = three.leader as SimHost;
    for (const host of three.hosts) if (host !== leader) three.crash(host);
    let acknowledged = false;
    put(leader, 'alone', () => {
      acknowledged = true;
    });
    three.time.advance(10_000);
    assert.equal(acknowledged, false);
  });

  test('a member whose disk was wiped does not come back under its old id', () => {
    const coverage = new Coverage();
    const checks = new Checks(coverage);
    const three = new SimCluster({
      seed: 9,
      voters: 3,
      joiners: 0,
      checks,
      coverage,
      trace: () => {},
    });
    for (const host of three.hosts) three.start(host);
    three.time.advance(5_000);
    const host = three.hosts.find((one) => one !== three.leader) as SimHost;
    three.crash(host);
    three.loseDisk(host);
    assert.throws(
      () => {
        three.start(host);
        three.time.advance(10_000);
      },
      (error) =>
        error instanceof InvariantError && /belongs to another data directory/.test(error.message),
    );
  });

  test('terms that were told are not forgotten by a crash', () => {
    const three = cluster(3);
    for (let round = 0; round < 10; round++) {
      const leader = three.leader;
      if (leader === undefined) three.time.advance(3_000);
      else {
        const term = leader.member?.raft.term ?? 0;
        three.crash(leader);
        three.start(leader);
        three.time.advance(50);
        assert.ok((leader.member?.raft.term ?? 0) >= term);
        three.time.advance(4_000);
      }
    }
  });
});
