import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigError,
  defaults,
  mergeRaw,
  type RawConfig,
  rawFromEnvironment,
  rawFromYaml,
  resolveConfig,
  settingKeys,
  settingName,
  settingVariable,
  splitAddress,
} from './config.ts';

function problemsOf(raw: RawConfig): readonly string[] {
  try {
    resolveConfig(raw);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail('it was accepted');
}

const three = 'a=127.0.0.1:2380,b=127.0.0.1:2382,c=127.0.0.1:2384';

test('nothing given is one durable member on the default ports', () => {
  const config = resolveConfig({});
  assert.deepEqual(config, {
    ...defaults,
    advertise: '127.0.0.1:2379',
    peerListen: '127.0.0.1:2380',
    peerAdvertise: '127.0.0.1:2380',
    initialCluster: [{ name: 'default', address: '127.0.0.1:2380' }],
    initialClusterState: 'new',
    join: undefined,
    warnings: [],
  });
});

test('the peer port is the client port + 1, on the same host', () => {
  const config = resolveConfig({ listen: '10.0.0.5:7000' });
  assert.equal(config.peerListen, '10.0.0.5:7001');
  assert.equal(config.peerAdvertise, '10.0.0.5:7001');
});

test('port 0 leaves both ports to the system', () => {
  assert.equal(resolveConfig({ listen: '127.0.0.1:0' }).peerListen, '127.0.0.1:0');
});

test('numbers may come as text, lists as one text, a cluster as text or map', () => {
  const config = resolveConfig({
    name: 'a',
    heartbeatMs: '50',
    allowOrigins: 'https://a.example, https://b.example',
    initialCluster: { b: '127.0.0.1:2382', a: '127.0.0.1:2380', c: '127.0.0.1:2384' },
  });
  assert.equal(config.heartbeatMs, 50);
  assert.deepEqual(config.allowOrigins, ['https://a.example', 'https://b.example']);
  assert.deepEqual(
    config.initialCluster,
    resolveConfig({ name: 'a', initialCluster: three }).initialCluster,
  );
});

test('each bad address is refused with its flag and what would be right', () => {
  for (const [bad, expected] of [
    ['2379', /--listen is not host:port; write host:port.*given: "2379"/],
    [':2379', /--listen is not host:port/],
    [
      'http://10.0.0.1:2379/',
      /--listen has a scheme; write host:port alone, for example 10\.0\.0\.1:2379/,
    ],
    ['10.0.0.1:70000', /has a port above 65535/],
    ['::1:2379', /without brackets; write it like \[::1\]:2379/],
    [2379, /--listen must be host:port/],
  ] as const) {
    const [problem = '', ...more] = problemsOf({ listen: bad });
    assert.match(problem, expected);
    assert.deepEqual(more, []);
  }
});

test('bad names, numbers and levels are all reported at once', () => {
  const problems = problemsOf({
    name: 'a b',
    heartbeatMs: 'soon',
    walSegmentBytes: 8,
    logLevel: 'loud',
  });
  assert.equal(problems.length, 4, problems.join('\n'));
  assert.match(problems.join('\n'), /--name must be letters/);
  assert.match(problems.join('\n'), /--heartbeat-ms must be a whole number.*given: "soon"/);
  assert.match(problems.join('\n'), /--wal-segment-bytes must be a whole number from 65536/);
  assert.match(problems.join('\n'), /--log-level must be one of trace, debug/);
});

test('an initial cluster must name this member, at its own peer address', () => {
  assert.match(
    problemsOf({ name: 'd', initialCluster: three })[0] ?? '',
    /--name is "d", the cluster is a, b, c/,
  );
  assert.match(
    problemsOf({ name: 'b', initialCluster: three })[0] ?? '',
    /says that "b" is at 127\.0\.0\.1:2382, but its peer address is 127\.0\.0\.1:2380; .*--peer-listen 127\.0\.0\.1:2382/,
  );
  const fits = resolveConfig({ name: 'b', initialCluster: three, listen: '127.0.0.1:2381' });
  assert.equal(fits.initialCluster.length, 3);
});

test('two members with one name, or one address, are refused', () => {
  const problems = problemsOf({
    name: 'a',
    initialCluster: 'a=127.0.0.1:2380,a=127.0.0.1:2380,c=127.0.0.1:1',
  });
  assert.match(problems.join('\n'), /names "a" more than once/);
  assert.match(problems.join('\n'), /gives 127\.0\.0\.1:2380 to more than one member/);
});

test('an entry that is not name=host:port is named', () => {
  assert.match(
    problemsOf({ initialCluster: 'default' })[0] ?? '',
    /"default" is not name=host:port/,
  );
});

test('1, 3 and 5 members are fine, 2 and 4 warn, 0 and 6 are refused', () => {
  const clusterOf = (size: number) =>
    Array.from({ length: size }, (_, at) => `m${at}=127.0.0.1:${2380 + 2 * at}`).join(',');
  for (const size of [1, 3, 5]) {
    assert.deepEqual(resolveConfig({ name: 'm0', initialCluster: clusterOf(size) }).warnings, []);
  }
  for (const size of [2, 4]) {
    const { warnings } = resolveConfig({ name: 'm0', initialCluster: clusterOf(size) });
    assert.match(warnings[0] ?? '', new RegExp(`no more failures than one of ${size - 1}`));
  }
  assert.match(
    problemsOf({ name: 'm0', initialCluster: clusterOf(6) })[0] ?? '',
    /must be 1, 3 or 5/,
  );
  assert.match(problemsOf({ initialCluster: [] })[0] ?? '', /must be 1, 3 or 5/);
});

test('an election timeout below five heartbeats is refused', () => {
  assert.match(problemsOf({ heartbeatMs: 300 })[0] ?? '', /so 1500 or more/);
  assert.equal(resolveConfig({ heartbeatMs: 200 }).electionMs, 1000);
});

test('listening on all addresses needs an advertised one in a cluster, and warns alone', () => {
  const alone = resolveConfig({ listen: '0.0.0.0:2379' });
  assert.equal(alone.advertise, '127.0.0.1:2379');
  assert.equal(alone.warnings.length, 2);
  const problems = problemsOf({ name: 'a', initialCluster: three, listen: '0.0.0.0:2379' });
  assert.match(problems.join('\n'), /--advertise must name the one that others dial/);
  assert.match(problemsOf({ advertise: '0.0.0.0:2379' })[0] ?? '', /nobody can dial/);
});

test('client and peer door cannot share a port', () => {
  assert.match(problemsOf({ peerListen: '127.0.0.1:2379' })[0] ?? '', /need different ports/);
});

test('every setting has a variable, and an empty variable counts as absent', () => {
  const environment = Object.fromEntries(settingKeys.map((key) => [settingVariable(key), 'x']));
  assert.deepEqual(Object.keys(rawFromEnvironment(environment)).sort(), [...settingKeys].sort());
  assert.equal(settingVariable('dataDir'), 'LOCKSTEP_DATA_DIR');
  assert.equal(settingVariable('allowOrigins'), 'LOCKSTEP_ALLOW_ORIGIN');
  assert.deepEqual(rawFromEnvironment({ LOCKSTEP_NAME: '', HOME: '/root' }), {});
});

test('a YAML file uses the names of the flags', async () => {
  const raw = await rawFromYaml('name: a\ndata-dir: /x\nheartbeat-ms: 50\n', 'member.yaml');
  assert.deepEqual(raw, { name: 'a', dataDir: '/x', heartbeatMs: 50 });
  assert.deepEqual(await rawFromYaml('', 'member.yaml'), {});
});

test('a YAML key that is no setting is refused with the nearest one', async () => {
  await assert.rejects(rawFromYaml('data-dri: /x\n', 'member.yaml'), {
    name: 'ConfigError',
    message: 'member.yaml cannot work: there is no setting "data-dri"; did you mean "data-dir"?',
  });
  await assert.rejects(rawFromYaml('- a\n', 'member.yaml'), /must be a map/);
  await assert.rejects(rawFromYaml('a: [', 'member.yaml'), /it is not YAML/);
});

test('flag wins over variable, variable over file, file over default', () => {
  const merged = mergeRaw(
    { name: 'flag' },
    { name: 'env', dataDir: 'env' },
    { dataDir: 'file', logLevel: 'warn' },
  );
  assert.deepEqual(merged, { name: 'flag', dataDir: 'env', logLevel: 'warn' });
});

test('a log segment is a multiple of 8 bytes', () => {
  assert.match(problemsOf({ walSegmentBytes: 65_537 })[0] ?? '', /must be a multiple of 8/);
});

test('setting names are kebab-case', () => {
  assert.equal(settingName('walSegmentBytes'), 'wal-segment-bytes');
});

test('an address splits into host and port', () => {
  assert.deepEqual(splitAddress('[::1]:2379'), { host: '::1', port: 2379 });
  assert.deepEqual(splitAddress('a.example:1'), { host: 'a.example', port: 1 });
});

test('the quota is 2 GiB, or half of the heap where that is less, and never more than that', () => {
  const gibibyte = 2 ** 30;
  assert.equal(resolveConfig({}).quotaBytes, 2 * gibibyte);
  assert.equal(resolveConfig({}, 3 * gibibyte).quotaBytes, 1.5 * gibibyte);
  assert.equal(resolveConfig({ quotaBytes: '1073741824' }, 3 * gibibyte).quotaBytes, gibibyte);
  assert.throws(
    () => resolveConfig({ quotaBytes: 2 * gibibyte }, 3 * gibibyte),
    /--quota-bytes is 2147483648; .* at most 1610612736: raise the limit with NODE_OPTIONS/,
  );
});

test('history is kept for an hour unless something else is asked for', () => {
  const { autoCompactionMode, autoCompactionRetentionMs } = resolveConfig({});
  assert.deepEqual([autoCompactionMode, autoCompactionRetentionMs], ['periodic', 3_600_000]);
  assert.equal(resolveConfig({ autoCompactionMode: 'off' }).autoCompactionMode, 'off');
  assert.match(problemsOf({ autoCompactionMode: 'sometimes' }).join(), /periodic, revision, off/);
});

test('who joins asks the other members of the initial cluster, or those that join names', () => {
  const place = { name: 'd', listen: '127.0.0.1:2385' };
  const grown = `${three},d=127.0.0.1:2386`;
  const asked = ['127.0.0.1:2380', '127.0.0.1:2382', '127.0.0.1:2384'];
  const named = resolveConfig({ ...place, initialCluster: grown, initialClusterState: 'existing' });
  assert.deepEqual(named.join, asked);
  assert.deepEqual(named.warnings, [], 'four members are no mistake of a cluster that runs');
  const joined = resolveConfig({ ...place, join: asked.join(', ') });
  assert.deepEqual([joined.join, joined.initialClusterState], [asked, 'existing']);
  assert.equal(resolveConfig({ ...place, initialCluster: grown }).join, undefined);
});

test('a join that names nobody, or two clusters, is refused with what would be right', () => {
  const cases: readonly (readonly [RawConfig, RegExp])[] = [
    [{ initialClusterState: 'existing' }, /--initial-cluster must name members to ask besides/],
    [{ join: '127.0.0.1:1', initialCluster: 'default=127.0.0.1:2380' }, /give one of them/],
    [{ join: '127.0.0.1:1', initialClusterState: 'new' }, /is for a cluster that runs/],
    [{ join: 'a=127.0.0.1:1' }, /--join has names; write host:port,host:port alone/],
    [{ join: '' }, /--join must name at least one host:port/],
    [{ initialClusterState: 'old' }, /must be one of new, existing/],
  ];
  for (const [raw, expected] of cases) assert.throws(() => resolveConfig(raw), expected);
});
