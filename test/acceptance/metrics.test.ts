/**
 * Every metric is moved by its cause. A metric without a row here fails the last test, and so does a
 * row without a metric.
 */
import assert from 'node:assert/strict';
import { type FileHandle, open } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { described } from '../../server/src/api/metrics/page.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import { version } from '../../server/src/version.ts';
import type { WireClient } from '../harness/doors.ts';
import {
  amountOf,
  type MeasuredMember,
  oneMember,
  type Page,
  threeMembers,
} from '../harness/measured-member.ts';
import { MeasuredHost, simulatedCluster } from '../simulation/measured-host.ts';
import type { SimHost } from '../simulation/sim-cluster.ts';
import { covered, etcdCallMoves, moves, note, seen, shows } from './metric-rows.ts';

const mebibyte = 1024 * 1024;

describe('one member', () => {
  const alone = oneMember();
  let client: WireClient;
  const member = () => alone;

  before(async () => {
    await alone.start();
    client = await alone.connect();
    note(await alone.until((page) => amountOf(page, 'etcd_server_is_leader') === 1, 'it leads'));
  });
  after(() => alone.stop());

  moves(
    [
      'etcd_server_proposals_committed_total',
      'etcd_server_proposals_applied_total',
      'etcd_mvcc_put_total',
      'etcd_mvcc_db_total_size_in_bytes',
      'etcd_mvcc_db_total_size_in_use_in_bytes',
      'lockstep_live_bytes',
      'etcd_debugging_mvcc_keys_total',
      'etcd_debugging_mvcc_current_revision',
      'etcd_disk_wal_fsync_duration_seconds',
      { name: 'lockstep_requests_total', labels: { method: 'kv.put', code: 'ok' } },
      { name: 'lockstep_request_duration_seconds', labels: { method: 'kv.put' } },
    ],
    'a put',
    { member, cause: () => alone.put('new', 'x') },
  );

  moves(['etcd_mvcc_range_total'], 'a get', {
    member,
    cause: () => alone.call('kv.range', { key: 'new' }),
  });

  moves(['etcd_mvcc_range_total'], 'a chunk of a scan', {
    member,
    cause: () => alone.call('kv.scan', { prefix: '' }),
  });

  moves(['etcd_mvcc_delete_total'], 'a delete', {
    member,
    cause: () => alone.call('kv.deleteRange', { key: 'new' }),
  });

  const txn = {
    success: [
      { put: { key: 'in', value: 'txn' } },
      { range: { key: 'in' } },
      { deleteRange: { key: 'out' } },
    ],
  };
  moves(
    [
      'etcd_mvcc_txn_total',
      'etcd_mvcc_put_total',
      'etcd_mvcc_range_total',
      'etcd_mvcc_delete_total',
    ],
    'a transaction, with what is in it',
    { member, cause: () => alone.call('kv.txn', txn) },
  );

  moves(['etcd_mvcc_txn_total', 'etcd_mvcc_range_total'], 'a transaction that only reads', {
    member,
    cause: () => alone.call('kv.txn', { success: [{ range: { key: 'in' } }] }),
  });

  moves(
    [
      { name: 'lockstep_requests_total', labels: { method: 'kv.put', code: 'lease_not_found' } },
      { name: 'lockstep_error_answers_total', labels: { code: 'lease_not_found' } },
    ],
    'a put that is refused',
    { member, cause: () => alone.refusal('kv.put', { key: 'a', value: '', lease: '404' }) },
  );

  moves(
    [{ name: 'lockstep_error_answers_total', labels: { code: 'unknown_method' } }],
    'a request for a method that is not there',
    { member, cause: () => alone.refusal('kv.push', {}) },
  );

  etcdCallMoves(member);

  moves(['etcd_debugging_mvcc_compact_revision'], 'a compaction', {
    member,
    cause: () => alone.call('kv.compact', { revision: 3, physical: true }),
  });

  moves(['etcd_debugging_lease_granted_total', 'lockstep_leases'], 'a lease that is granted', {
    member,
    cause: () => alone.call('lease.grant', { id: '7', ttl: 60 }),
  });

  moves(['etcd_debugging_lease_renewed_total'], 'a lease that is kept alive', {
    member,
    cause: () => alone.call('lease.keepAlive', { id: '7' }),
  });

  moves(
    ['etcd_debugging_lease_revoked_total', { name: 'lockstep_leases', down: true }],
    'a lease that is revoked',
    { member, cause: () => alone.call('lease.revoke', { id: '7' }) },
  );

  moves(
    ['etcd_server_lease_expired_total', 'etcd_debugging_lease_revoked_total'],
    'a lease that runs out',
    { member, cause: () => alone.call('lease.grant', { ttl: 1 }) },
  );

  moves(['lockstep_websocket_connections'], 'a client that connects', {
    member,
    cause: () => alone.connect(),
  });

  moves(
    [
      'etcd_debugging_mvcc_watcher_total',
      'etcd_debugging_mvcc_watch_stream_total',
      { name: 'lockstep_requests_total', labels: { method: 'watch.create', code: 'ok' } },
    ],
    'a watch that is opened',
    { member, cause: () => client.call('watch.create', { watchId: 1, key: 'w', credits: 1 }) },
  );

  moves(
    [
      { name: 'etcd_debugging_mvcc_watcher_total', down: true },
      { name: 'lockstep_watch_ends_total', labels: { reason: 'compacted' } },
    ],
    'a watch that slept through a compaction',
    {
      member,
      cause: async () => {
        for (const value of ['1', '2', '3']) await alone.put('w', value);
        const { header } = await client.call('maintenance.status', {});
        await alone.call('kv.compact', { revision: header.revision });
        await client.call('watch.credit', { watchId: 1, credits: 1 });
      },
    },
  );

  moves(
    ['lockstep_websocket_unsent_bytes', 'etcd_debugging_mvcc_slow_watcher_total'],
    'a client that asks for much and reads nothing',
    {
      member,
      cause: async () => {
        const slow = await alone.connect();
        await slow.call('watch.create', { key: 'big' });
        slow.socket.pause();
        // More than the kernel holds for a socket on both ends, and then more than the member does.
        const value = 'x'.repeat(mebibyte);
        for (let round = 0; round < 16; round++) await alone.put('big', value);
      },
    },
  );

  moves(
    [
      { name: 'lockstep_snapshots_total', labels: { what: 'saved' } },
      'lockstep_snapshot_save_duration_seconds',
    ],
    'a log that has grown',
    {
      member,
      // What was saved last time was large, and the log must grow by as much.
      cause: async () => {
        for (let round = 0; round < 24; round++) await alone.put('big', 'x'.repeat(mebibyte));
      },
    },
  );

  moves(
    [{ name: 'lockstep_hash_checks_total', labels: { result: 'passed' } }],
    'a comparison of states that comes by itself',
    { member, cause: async () => {} },
  );

  const late = (page: Page): number => {
    const samples = page.get('lockstep_event_loop_delay_seconds')?.samples ?? [];
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
    const within = buckets.find(({ labels }) => labels.le === '0.256')?.value ?? 0;
    return amountOf(page, 'lockstep_event_loop_delay_seconds') - within;
  };
  moves(
    [{ name: 'lockstep_event_loop_delay_seconds', value: late }, 'process_cpu_seconds_total'],
    'an event loop that is held up',
    {
      member,
      cause: async () => {
        const until = performance.now() + 400;
        while (performance.now() < until);
      },
    },
  );

  let held: Buffer | undefined;
  moves(['process_resident_memory_bytes'], 'memory that is written to', {
    member,
    cause: async () => {
      held = Buffer.alloc(256 * mebibyte, 1);
    },
  });

  const files: FileHandle[] = [];
  moves(['process_open_fds'], 'files that are opened', {
    member,
    cause: async () => {
      assert.equal(held?.at(-1), 1);
      for (let count = 0; count < 100; count++) files.push(await open(import.meta.filename));
    },
  });
  after(() => Promise.all(files.map((file) => file.close())));

  shows('process_start_time_seconds', 'when this process began', async () => {
    const started = amountOf(await alone.scrape(), 'process_start_time_seconds');
    assert.ok(Math.abs(Date.now() / 1000 - process.uptime() - started) < 2, `${started}`);
  });

  shows('lockstep_build_info', 'the version of the server', async () => {
    const info = (await alone.scrape()).get('lockstep_build_info');
    assert.deepEqual(info?.samples, [
      { name: 'lockstep_build_info', labels: { version }, value: 1 },
    ]);
  });

  shows('lockstep_cluster_version', 'what status says', async () => {
    const { clusterVersion } = await alone.call('maintenance.status', {});
    assert.ok(clusterVersion >= 1);
    assert.equal(amountOf(await alone.scrape(), 'lockstep_cluster_version'), clusterVersion);
  });

  shows('lockstep_node_info', 'the version of Node', async () => {
    const [sample] = (await alone.scrape()).get('lockstep_node_info')?.samples ?? [];
    assert.deepEqual(sample?.labels, { version: process.version });
  });
});

describe('a member with little room', () => {
  const small = oneMember({ quotaBytes: 3 * mebibyte });
  before(() => small.start());
  after(() => small.stop());

  shows('etcd_server_quota_backend_bytes', 'what was configured', async () => {
    const quota = amountOf(await small.scrape(), 'etcd_server_quota_backend_bytes');
    assert.equal(quota, 3 * mebibyte);
  });

  moves([{ name: 'lockstep_alarms', labels: { alarm: 'nospace' } }], 'a state that fills it', {
    member: () => small,
    cause: async () => {
      for (let at = 0; at < 3; at++) await small.put(`k${at}`, 'x'.repeat(mebibyte));
    },
  });
});

describe('three members', () => {
  let members: MeasuredMember[] = [];
  let leader: MeasuredMember;
  let follower: MeasuredMember;
  let third: MeasuredMember;

  before(async () => {
    members = await threeMembers();
    await Promise.all(members.map((one) => one.start()));
    const leads = await Promise.all(
      members.map(async (one) => {
        const page = await one.until(
          (now) => amountOf(now, 'etcd_server_has_leader') === 1,
          'a leader',
        );
        return amountOf(page, 'etcd_server_is_leader') === 1;
      }),
    );
    const at = leads.indexOf(true);
    [leader, follower, third] = [0, 1, 2].map((step) => members[(at + step) % 3]) as [
      MeasuredMember,
      MeasuredMember,
      MeasuredMember,
    ];
  });
  after(() => Promise.all(members.map((one) => one.stop())));

  moves(
    ['etcd_network_peer_sent_bytes_total', 'etcd_network_peer_received_bytes_total'],
    'a put, on the leader',
    { member: () => leader, cause: () => leader.put('a', 'b') },
  );

  moves(['etcd_network_peer_received_bytes_total', 'etcd_mvcc_put_total'], 'a put, on a follower', {
    member: () => follower,
    cause: () => leader.put('a', 'b'),
  });

  moves(['etcd_network_peer_round_trip_time_seconds'], 'pings, which come by themselves', {
    member: () => leader,
    cause: async () => {},
  });

  moves(
    ['etcd_server_leader_changes_seen_total', 'etcd_server_is_leader'],
    'leadership that is handed over',
    {
      member: () => follower,
      cause: async () => {
        const { header } = await follower.call('maintenance.status', {});
        await leader.call('maintenance.moveLeader', { targetId: header.memberId });
        [leader, follower] = [follower, leader];
      },
    },
  );

  moves([{ name: 'etcd_server_is_leader', down: true }], 'leadership that is handed over', {
    member: () => leader,
    cause: async () => {
      const { header } = await follower.call('maintenance.status', {});
      await leader.call('maintenance.moveLeader', { targetId: header.memberId });
      [leader, follower] = [follower, leader];
    },
  });

  moves(['etcd_network_peer_sent_failures_total'], 'a member that is gone', {
    member: () => leader,
    cause: () => third.stop(),
  });

  const large = 'x'.repeat(mebibyte);
  moves(
    [{ name: 'lockstep_snapshots_total', labels: { what: 'sent' } }],
    'a member that comes back too late for the log',
    {
      member: () => leader,
      cause: async () => {
        for (let round = 0; round < 4; round++) await leader.put('a', large);
        await third.start();
      },
    },
  );

  shows('lockstep_snapshots_total', 'what was installed, on the one that came back', async () => {
    const installed = { what: 'installed' };
    const page = await third.until(
      (now) => amountOf(now, 'lockstep_snapshots_total', installed) > 0,
      'a snapshot is installed',
    );
    assert.equal(amountOf(page, 'etcd_debugging_mvcc_keys_total'), 1);
  });

  moves([{ name: 'etcd_server_has_leader', down: true }], 'the loss of a majority', {
    member: () => leader,
    cause: () => Promise.all([third.stop(), follower.stop()]),
  });

  const unanswered: Promise<unknown>[] = [];
  moves(
    ['etcd_server_proposals_pending', 'etcd_server_proposals_failed_total'],
    'more puts than may wait for a leader',
    {
      member: () => leader,
      cause: async () => {
        for (let count = 0; count < 3; count++)
          unanswered.push(leader.refusal('kv.put', { key: 'a', value: large }));
        assert.equal(await Promise.race(unanswered), 'too_many_requests');
      },
    },
  );
  after(() => Promise.allSettled(unanswered));
});

describe('a simulated cluster, for what needs faults', () => {
  const cluster = simulatedCluster(3);
  const leads = cluster.leader as SimHost;
  const [follows, other] = cluster.hosts.filter((host) => host !== leads) as [SimHost, SimHost];
  let follower: MeasuredHost;
  before(async () => {
    follower = await MeasuredHost.open(cluster, follows);
  });
  after(() => follower.close());

  moves(['etcd_server_slow_read_indexes_total'], 'a read whose round to the leader is lost', {
    member: () => follower,
    cause: async () => {
      cluster.network.cut(leads.address, follows.address);
      follows.member?.readIndex(() => {});
      cluster.time.advance(2_000);
      cluster.network.heal();
      cluster.time.advance(5_000);
    },
  });

  moves(['etcd_server_is_learner'], 'a voter that is made a learner', {
    member: () => follower,
    cause: async () => {
      const action = 'addLearner' as const;
      assert.equal(cluster.change([{ action, member: follows.memberId }]), undefined);
    },
  });

  moves(
    [
      { name: 'lockstep_hash_checks_total', labels: { result: 'mismatch' } },
      { name: 'lockstep_alarms', labels: { alarm: 'corrupt' } },
    ],
    'a member whose memory was changed',
    {
      member: () => follower,
      cause: async () => {
        const key = 'planted' as ByteString;
        other.member?.machine.store.write((txn) => txn.put({ key, value: key, lease: '0' }));
      },
    },
  );
});

test('every metric has a row here, and every row a metric', () => {
  const names = described.map(({ name }) => name).sort();
  assert.deepEqual([...covered].sort(), names);
  assert.deepEqual([...seen].sort(), names, 'what was seen on the pages of real members');
});
