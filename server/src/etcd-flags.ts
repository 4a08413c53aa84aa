/**
 * The flags of `etcd`, by what they are here. The names alone, so that the command line knows them without loading what
 * reads them; `etcd-settings.ts` gives each its meaning. Each is also a variable: --data-dir is ETCD_DATA_DIR.
 */

/** Settings under another name or in another form. */
export const etcdSettingFlags = [
  'listen-client-urls',
  'advertise-client-urls',
  'listen-peer-urls',
  'initial-advertise-peer-urls',
  'heartbeat-interval',
  'election-timeout',
  'quota-backend-bytes',
  'auto-compaction-retention',
  'snapshot-catchup-entries',
  'experimental-snapshot-catchup-entries',
  'corrupt-check-time',
  'experimental-corrupt-check-time',
  'cors',
] as const;

/** Those that a member here has under the same name. */
export const etcdSharedFlags = [
  'name',
  'data-dir',
  'initial-cluster',
  'initial-cluster-token',
  'initial-cluster-state',
  'auto-compaction-mode',
  'log-level',
  'cert-file',
  'key-file',
  'client-cert-auth',
  'trusted-ca-file',
  'client-crl-file',
  'client-cert-allowed-hostname',
  'peer-cert-file',
  'peer-key-file',
  'peer-client-cert-auth',
  'peer-trusted-ca-file',
  'peer-crl-file',
  'peer-cert-allowed-cn',
  'peer-cert-allowed-hostname',
  'tls-min-version',
  'tls-max-version',
  'auth-token',
  'auth-token-ttl',
] as const;

/** Fixed here: taken when they say what is so, or what makes no difference; else refused. */
export const etcdFixedFlags = [
  'max-txn-ops',
  'max-request-bytes',
  'strict-reconfig-check',
  'pre-vote',
  'initial-election-tick-advance',
  'unsafe-no-fsync',
  'enable-v2',
  'enable-grpc-gateway',
  'metrics',
  'log-outputs',
  'proxy',
] as const;

/** What they tune is not here, or tunes itself: taken, with one line that says so. */
export const etcdIdleFlags = {
  'snapshot-count': 'snapshots are taken by the size of the log, see --snapshot-bytes-min',
  'max-snapshots': 'two snapshots are kept',
  'max-wals': 'the log is kept as long as it is needed, and no longer',
  'backend-batch-limit': 'there is no backend to write in batches',
  'backend-batch-interval': 'there is no backend to write in batches',
  'backend-bbolt-freelist-type': 'there is no bbolt database',
  'compaction-batch-limit': 'compaction gives way to everything else by itself',
  'experimental-compaction-batch-limit': 'compaction gives way to everything else by itself',
  'compaction-sleep-interval': 'compaction gives way to everything else by itself',
  'experimental-compaction-sleep-interval': 'compaction gives way to everything else by itself',
  'bootstrap-defrag-threshold-megabytes': 'there is nothing to defragment',
  'experimental-bootstrap-defrag-threshold-megabytes': 'there is nothing to defragment',
  'stop-grpc-service-on-defrag': 'nothing stops for a defragmentation',
  'experimental-stop-grpc-service-on-defrag': 'nothing stops for a defragmentation',
  'grpc-keepalive-min-time': 'a connection is judged by its own heartbeats',
  'grpc-keepalive-interval': 'a connection is judged by its own heartbeats',
  'grpc-keepalive-timeout': 'a connection is judged by its own heartbeats',
  'max-concurrent-streams': 'requests in flight are limited for each connection',
  'socket-reuse-port': 'a port belongs to one member',
  'socket-reuse-address': 'a port belongs to one member',
  'max-learners': 'learners are limited by the number of members',
  'experimental-max-learners': 'learners are limited by the number of members',
  'initial-corrupt-check': 'members compare their states while they run',
  'experimental-initial-corrupt-check': 'members compare their states while they run',
  'compact-hash-check-enabled': 'members compare their whole states',
  'experimental-compact-hash-check-enabled': 'members compare their whole states',
  'compact-hash-check-time': 'members compare their whole states, see --hash-check-ms',
  'experimental-compact-hash-check-time': 'members compare their whole states, see --hash-check-ms',
  'enable-lease-checkpoint': 'leases are always checkpointed',
  'experimental-enable-lease-checkpoint': 'leases are always checkpointed',
  'experimental-enable-lease-checkpoint-persist': 'leases are always checkpointed',
  'watch-progress-notify-interval': 'progress is told every 10 s',
  'experimental-watch-progress-notify-interval': 'progress is told every 10 s',
  'warning-apply-duration': 'the log warns of a slow disk by itself',
  'experimental-warning-apply-duration': 'the log warns of a slow disk by itself',
  'warning-unary-request-duration': 'slow requests are in /metrics',
  'experimental-warning-unary-request-duration': 'slow requests are in /metrics',
  'experimental-txn-mode-write-with-shared-buffer': 'there is no such buffer',
  'memory-mlock': 'memory is not locked',
  'experimental-memory-mlock': 'memory is not locked',
  'downgrade-check-time': 'a cluster version never goes down',
  'experimental-downgrade-check-time': 'a cluster version never goes down',
  'v2-deprecation': 'there is no v2',
  'proxy-failure-wait': 'there is no v2 proxy',
  'proxy-refresh-interval': 'there is no v2 proxy',
  'proxy-dial-timeout': 'there is no v2 proxy',
  'proxy-write-timeout': 'there is no v2 proxy',
  'proxy-read-timeout': 'there is no v2 proxy',
  logger: 'the log is JSON, one line for each event',
  'log-format': 'the log is JSON, one line for each event',
  'enable-pprof': 'there is no /debug/pprof: run it with node --cpu-prof',
  'enable-distributed-tracing': 'there are no traces',
  'experimental-enable-distributed-tracing': 'there are no traces',
  'experimental-distributed-tracing-address': 'there are no traces',
  'experimental-distributed-tracing-service-name': 'there are no traces',
  'experimental-distributed-tracing-instance-id': 'there are no traces',
  'feature-gates': 'there are no feature gates',
  'host-whitelist': 'hosts other than its own are refused anyway, see --allow-origin',
} as const;

/** What somebody relies on who gives them, and what there is instead. */
export const etcdRefusedFlags = {
  'wal-dir': 'the log is in the data directory: put that on the faster disk',
  'config-file':
    'a file of etcd is not read: write one with the names of these flags, for --config',
  'force-new-cluster':
    'a flag that stays in a unit file would do it again at each start: run "lockstep member recover" once',
  'listen-metrics-urls': '/metrics and /health are on the client port: read them there',
  'listen-client-http-urls': 'all doors share the port of --listen-client-urls',
  discovery: 'members are named with --initial-cluster',
  'discovery-srv': 'members are named with --initial-cluster',
  'discovery-srv-name': 'members are named with --initial-cluster',
  'discovery-token': 'members are named with --initial-cluster',
  'discovery-endpoints': 'members are named with --initial-cluster',
  'discovery-proxy': 'members are named with --initial-cluster',
  'discovery-fallback': 'members are named with --initial-cluster',
  'auto-tls': 'certificates are files: "lockstep certs dev" makes some to try it with',
  'peer-auto-tls': 'certificates are files: "lockstep certs dev" makes some to try it with',
  'self-signed-cert-validity':
    'certificates are files: "lockstep certs dev" makes some to try it with',
  'cipher-suites': 'they are those of Node: NODE_OPTIONS=--tls-cipher-list=... chooses others',
  'bcrypt-cost': 'it is 10',
  'enable-log-rotation': 'the log goes to standard output: rotate it there',
  'log-rotation-config-json': 'the log goes to standard output: rotate it there',
} as const;

/** Of those, the ones that stand alone or take true or false. */
const switches: ReadonlySet<string> = new Set([
  ...['strict-reconfig-check', 'pre-vote', 'initial-election-tick-advance', 'unsafe-no-fsync'],
  ...['enable-v2', 'enable-grpc-gateway', 'enable-pprof', 'force-new-cluster', 'memory-mlock'],
  ...['socket-reuse-port', 'socket-reuse-address', 'enable-log-rotation'],
  ...['experimental-memory-mlock', 'enable-distributed-tracing'],
  ...['experimental-enable-distributed-tracing', 'initial-corrupt-check'],
  ...['experimental-initial-corrupt-check', 'compact-hash-check-enabled'],
  ...['experimental-compact-hash-check-enabled', 'enable-lease-checkpoint'],
  ...['experimental-enable-lease-checkpoint', 'experimental-enable-lease-checkpoint-persist'],
  ...['experimental-txn-mode-write-with-shared-buffer', 'stop-grpc-service-on-defrag'],
  ...['experimental-stop-grpc-service-on-defrag'],
]);

/** The flags that the command line takes beside its own, as commander writes them. */
export function etcdFlagWords(): string[] {
  const names = [
    ...etcdSettingFlags,
    ...etcdFixedFlags,
    ...Object.keys(etcdIdleFlags),
    ...Object.keys(etcdRefusedFlags),
  ];
  return names.map((name) => `--${name} ${switches.has(name) ? '[true|false]' : '<value>'}`);
}
