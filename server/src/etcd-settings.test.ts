import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, resolveConfig } from './config.ts';
import {
  etcdFixedFlags,
  etcdFlagWords,
  etcdIdleFlags,
  etcdRefusedFlags,
  etcdSettingFlags,
  etcdSharedFlags,
} from './etcd-flags.ts';
import { durationMs, etcdFromEnvironment, etcdSources, rawFromEtcd } from './etcd-settings.ts';

/** What one flag comes to, on one line. */
function outcome(name: string, value: string, others: Record<string, string> = {}): string {
  try {
    const { raw, warnings } = rawFromEtcd({ ...others, [name]: value });
    return JSON.stringify(raw) + warnings.map((warning) => ` warns: ${warning}`).join('');
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return `refused: ${error.problems.join('; ')}`;
  }
}

const golden: readonly (readonly [name: string, value: string, outcome: string])[] = [
  ['listen-client-urls', 'http://127.0.0.1:2379', '{"listen":"127.0.0.1:2379"}'],
  ['listen-client-urls', 'http://[::1]:2379/', '{"listen":"[::1]:2379"}'],
  [
    'listen-client-urls',
    'http://127.0.0.1:2379,http://10.0.0.5:2379',
    'refused: --listen-client-urls names 2 URLs (http://127.0.0.1:2379,http://10.0.0.5:2379); a member has one address for each door, so give one, for example http://127.0.0.1:2379, or http://0.0.0.0:2379 to listen on all',
  ],
  [
    'listen-client-urls',
    'https://127.0.0.1:2379',
    'refused: --listen-client-urls is https://127.0.0.1:2379, and there are no certificates to serve https with; write http://127.0.0.1:2379',
  ],
  [
    'listen-client-urls',
    'unix://a:1',
    'refused: --listen-client-urls is unix://a:1; of URLs only http://host:port is taken',
  ],
  [
    'listen-client-urls',
    '127.0.0.1:2379',
    'refused: --listen-client-urls is "127.0.0.1:2379", which is no URL; write http://127.0.0.1:2379',
  ],
  [
    'listen-client-urls',
    'http://127.0.0.1',
    'refused: --listen-client-urls is http://127.0.0.1, which has no port; write http://127.0.0.1:2379',
  ],
  [
    'listen-client-urls',
    'http://127.0.0.1:2379/etcd',
    'refused: --listen-client-urls is http://127.0.0.1:2379/etcd, which has a path; write http://127.0.0.1:2379',
  ],
  ['advertise-client-urls', 'http://a.example:2379', '{"advertise":"a.example:2379"}'],
  ['listen-peer-urls', 'http://127.0.0.1:2380', '{"peerListen":"127.0.0.1:2380"}'],
  ['initial-advertise-peer-urls', 'http://a:2380', '{"peerAdvertise":"a:2380"}'],
  ['heartbeat-interval', '50', '{"heartbeatMs":"50"}'],
  ['election-timeout', '2000', '{"electionMs":"2000"}'],
  ['quota-backend-bytes', '0', '{}'],
  ['quota-backend-bytes', '8589934592', '{"quotaBytes":"8589934592"}'],
  [
    'quota-backend-bytes',
    '-1',
    'refused: --quota-backend-bytes is -1; there is always a quota: name it in bytes, 0 for the default',
  ],
  ['auto-compaction-retention', '0', '{"autoCompactionMode":"off"}'],
  ['auto-compaction-retention', '1', '{"autoCompactionRetentionMs":3600000}'],
  ['auto-compaction-retention', '1h30m', '{"autoCompactionRetentionMs":5400000}'],
  [
    'auto-compaction-retention',
    'soon',
    'refused: --auto-compaction-retention is "soon"; write 30m, 1h30m, or 1 for an hour',
  ],
  ['snapshot-catchup-entries', '100', '{"logEntriesKept":"100"}'],
  ['experimental-snapshot-catchup-entries', '100', '{"logEntriesKept":"100"}'],
  ['corrupt-check-time', '4h', '{"hashCheckMs":14400000}'],
  [
    'experimental-corrupt-check-time',
    '0s',
    '{} warns: --experimental-corrupt-check-time has no effect: members always compare their states, see --hash-check-ms',
  ],
  [
    'corrupt-check-time',
    'never',
    'refused: --corrupt-check-time is "never"; write a time, such as 4h',
  ],
  ['cors', 'https://a.example', '{"allowOrigins":"https://a.example"}'],
  ['name', 'a', '{"name":"a"}'],
  ['data-dir', '/var/lib/a', '{"dataDir":"/var/lib/a"}'],
  ['initial-cluster', 'a=http://a:2380', '{"initialCluster":"a=http://a:2380"}'],
  ['initial-cluster-token', 't', '{"initialClusterToken":"t"}'],
  ['initial-cluster-state', 'existing', '{"initialClusterState":"existing"}'],
  ['auto-compaction-mode', 'periodic', '{"autoCompactionMode":"periodic"}'],
  ['log-level', 'debug', '{"logLevel":"debug"}'],
  ['log-level', 'dpanic', '{"logLevel":"fatal"}'],
  ['max-txn-ops', '128', '{}'],
  [
    'max-txn-ops',
    '64',
    '{} warns: --max-txn-ops has no effect: the limit is 128 operations in a transaction',
  ],
  [
    'max-txn-ops',
    '1024',
    'refused: --max-txn-ops is 1024; there may be at most 128 operations in a transaction',
  ],
  ['max-request-bytes', '1572864', '{}'],
  [
    'max-request-bytes',
    '10485760',
    'refused: --max-request-bytes is 10485760; there may be at most 1572864 bytes in a request',
  ],
  ['strict-reconfig-check', 'true', '{}'],
  [
    'strict-reconfig-check',
    'false',
    '{} warns: --strict-reconfig-check has no effect: a change that would lose the quorum is always refused',
  ],
  ['pre-vote', 'true', '{}'],
  [
    'unsafe-no-fsync',
    'true',
    '{} warns: --unsafe-no-fsync has no effect: every write is on disk before it is answered',
  ],
  ['enable-v2', 'false', '{}'],
  ['enable-v2', 'true', 'refused: --enable-v2 asks for the API of etcd 2, which is not here'],
  ['proxy', 'off', '{}'],
  ['proxy', 'on', 'refused: --proxy is on; a member is no proxy: clients know all members'],
  [
    'log-outputs',
    '/var/log/a.log',
    'refused: --log-outputs is "/var/log/a.log"; the log goes to standard output: send that where it should be',
  ],
  [
    'snapshot-count',
    '10000',
    '{} warns: --snapshot-count has no effect: snapshots are taken by the size of the log, see --snapshot-bytes-min',
  ],
  [
    'force-new-cluster',
    'true',
    'refused: --force-new-cluster is not taken: a flag that stays in a unit file would do it again at each start: run "lockstep member recover" once',
  ],
  ['force-new-cluster', 'false', '{}'],
  ['cert-file', 'a.pem', '{"certFile":"a.pem"}'],
  ['peer-cert-allowed-cn', 'a', '{"peerCertAllowedCn":"a"}'],
  ['auth-token', 'simple', '{"authToken":"simple"}'],
];

describe("a flag of etcd's", () => {
  for (const [name, value, expected] of golden) {
    test(`--${name} ${value}`, () => assert.equal(outcome(name, value), expected));
  }

  test('a retention is of what the mode says', () => {
    const mode = { 'auto-compaction-mode': 'revision' };
    const raw = '{"autoCompactionMode":"revision","autoCompactionRevisions":"1000"}';
    assert.equal(outcome('auto-compaction-retention', '1000', mode), raw);
    const off = outcome('auto-compaction-retention', '0', mode);
    assert.equal(off, '{"autoCompactionMode":"off"}');
  });

  test('each idle one says why it has no effect, and each refused one what there is instead', () => {
    for (const [name, why] of Object.entries(etcdIdleFlags)) {
      assert.equal(outcome(name, '1'), `{} warns: --${name} has no effect: ${why}`);
    }
    for (const [name, why] of Object.entries(etcdRefusedFlags)) {
      assert.equal(outcome(name, 'x'), `refused: --${name} is not taken: ${why}`);
    }
  });

  test('stands in one table', () => {
    const names = [
      ...[...etcdSettingFlags, ...etcdSharedFlags, ...etcdFixedFlags],
      ...[...Object.keys(etcdIdleFlags), ...Object.keys(etcdRefusedFlags)],
    ];
    assert.deepEqual([...new Set(names)].toSorted(), names.toSorted());
    const words = etcdFlagWords();
    assert.ok(words.includes('--pre-vote [true|false]') && words.includes('--cors <value>'));
  });
});

test('all that is wrong is said at once', () => {
  const wrong = { 'wal-dir': '/fast', 'quota-backend-bytes': '-1', 'snapshot-count': '5' };
  assert.throws(
    () => rawFromEtcd(wrong),
    (error: unknown) => error instanceof ConfigError && error.problems.length === 2,
  );
});

test('variables are called as in etcd, and an empty one is none', () => {
  const given = etcdFromEnvironment({ ETCD_NAME: 'a', ETCD_DATA_DIR: '', ETCD_PRE_VOTE: 'true' });
  assert.deepEqual(given, { name: 'a', 'pre-vote': 'true' });
  assert.throws(() => etcdSources({}, { ETCD_WAL_DIR: '/fast' }), /ETCD_WAL_DIR is not taken/);
});

test('a command line may not say the same twice under two names', () => {
  assert.throws(
    () => etcdSources({ listen: '127.0.0.1:1', listenClientUrls: 'http://127.0.0.1:2' }, {}),
    /--listen-client-urls and --listen say the same: give one of them/,
  );
  const { flags } = etcdSources(
    { autoCompactionMode: 'periodic', autoCompactionRetention: '0', logLevel: 'panic' },
    {},
  );
  assert.deepEqual(flags, { autoCompactionMode: 'off', logLevel: 'fatal' });
});

test('a variable that is known to nobody is told, and those that Kubernetes sets are not', () => {
  const { warnings } = etcdSources(
    {},
    {
      ...{ ETCD_SNAPSHOT_CONT: '1', ETCDCTL_API: '3', ETCD_SERVICE_HOST: '10.0.0.1' },
      ...{
        ETCD_PORT: 'tcp://10.0.0.1:2379',
        ETCD_PORT_2379_TCP: 'x',
        ETCD_CLIENT_SERVICE_PORT: '1',
      },
      ...{ ETCD_UNSUPPORTED_ARCH: 'arm64', ETCD_SNAPSHOT_COUNT: '7' },
    },
  );
  assert.deepEqual(warnings, [
    `ETCD_SNAPSHOT_COUNT has no effect: ${etcdIdleFlags['snapshot-count']}`,
    'ETCD_SNAPSHOT_CONT is no setting that is known here',
  ]);
});

test('a whole unit file of etcd is a configuration', () => {
  const { variables } = etcdSources(
    {},
    {
      ETCD_NAME: 'b',
      ETCD_DATA_DIR: '/var/lib/etcd/default',
      ETCD_LISTEN_CLIENT_URLS: 'http://0.0.0.0:2379',
      ETCD_ADVERTISE_CLIENT_URLS: 'http://10.0.0.2:2379',
      ETCD_LISTEN_PEER_URLS: 'http://0.0.0.0:2380',
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'http://10.0.0.2:2380',
      ETCD_INITIAL_CLUSTER: 'a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380',
      ETCD_INITIAL_CLUSTER_TOKEN: 'tea',
      ETCD_INITIAL_CLUSTER_STATE: 'new',
      ETCD_AUTO_COMPACTION_MODE: 'revision',
      ETCD_AUTO_COMPACTION_RETENTION: '5000',
    },
  );
  const config = resolveConfig(variables);
  assert.deepEqual(
    [config.name, config.listen, config.advertise, config.peerAdvertise],
    ['b', '0.0.0.0:2379', '10.0.0.2:2379', '10.0.0.2:2380'],
  );
  assert.deepEqual(
    config.initialCluster.map(({ name, address }) => `${name}=${address}`),
    ['a=10.0.0.1:2380', 'b=10.0.0.2:2380', 'c=10.0.0.3:2380'],
  );
  assert.equal(config.autoCompactionRevisions, 5000);
});

test('a duration is as Go writes it', () => {
  const texts = ['0', '90s', '1h30m', '1.5h', '250ms', '5', 'h', '1d', ''];
  const ms = [0, 90_000, 5_400_000, 5_400_000, 250, ...Array(4).fill(undefined)];
  assert.deepEqual(texts.map(durationMs), ms);
});
