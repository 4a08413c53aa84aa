import type { GrpcCallReading } from '../../metrics/readings.ts';
import type { Labels } from './exposition.ts';
import { flag, type Row } from './rows.ts';

/** What etcd has too, under etcd's names, so that dashboards and alerts made for it work. */
export const etcdRows: readonly Row[] = [
  {
    name: 'etcd_server_has_leader',
    type: 'gauge',
    help: 'Whether a leader is known: 1 is known, 0 is not.',
    read: ({ status }) => flag(status.leaderId !== undefined),
  },
  {
    name: 'etcd_server_is_leader',
    type: 'gauge',
    help: 'Whether this member leads.',
    read: ({ status }) => flag(status.leaderId === status.memberId),
  },
  {
    name: 'etcd_server_is_learner',
    type: 'gauge',
    help: 'Whether this member is a learner.',
    read: ({ status }) => flag(status.isLearner),
  },
  {
    name: 'etcd_server_leader_changes_seen_total',
    type: 'counter',
    help: 'How often another member was seen to lead than before.',
    read: ({ store }) => store.leaderChanges,
  },
  {
    name: 'etcd_server_proposals_committed_total',
    type: 'gauge',
    help: 'Index of the last log entry that is committed.',
    read: ({ status }) => status.committedIndex,
  },
  {
    name: 'etcd_server_proposals_applied_total',
    type: 'gauge',
    help: 'Index of the last log entry that is applied.',
    read: ({ status }) => status.appliedIndex,
  },
  {
    name: 'etcd_server_proposals_pending',
    type: 'gauge',
    help: 'Proposals made here that are neither applied nor given up.',
    read: ({ store }) => store.proposalsPending,
  },
  {
    name: 'etcd_server_proposals_failed_total',
    type: 'counter',
    help: 'Proposals made here that ended with an error: no leader, too many, no answer in time.',
    read: ({ store }) => store.proposalsFailed,
  },
  {
    name: 'etcd_server_slow_read_indexes_total',
    type: 'counter',
    help: 'Rounds for linearizable reads that were asked again, because no answer came.',
    read: ({ store }) => store.slowReadIndexes,
  },
  {
    name: 'etcd_server_quota_backend_bytes',
    type: 'gauge',
    help: 'Bytes of state beyond which writes that need room are refused.',
    read: ({ status }) => status.quotaBytes,
  },
  {
    name: 'etcd_server_lease_expired_total',
    type: 'counter',
    help: 'Leases that ran out.',
    read: ({ store }) => store.leases.expired,
  },
  {
    name: 'etcd_mvcc_db_total_size_in_bytes',
    type: 'gauge',
    help: 'Estimated bytes of memory of keys and their history: what the quota counts.',
    read: ({ status }) => status.stateBytes,
  },
  {
    name: 'etcd_mvcc_db_total_size_in_use_in_bytes',
    type: 'gauge',
    help: 'What of the total is in use. All of it: compaction gives memory back at once, there is nothing to defragment.',
    read: ({ status }) => status.stateBytes,
  },
  {
    name: 'etcd_disk_wal_fsync_duration_seconds',
    type: 'histogram',
    help: 'How long it took to write a batch of the log and make it durable.',
    read: ({ store }) => [{ value: store.logWriteSeconds }],
  },
  {
    name: 'etcd_network_peer_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of frames sent to another member.',
    read: ({ store }) =>
      store.peers.map(({ memberId, sentBytes }) => ({
        labels: { To: memberId },
        value: sentBytes,
      })),
  },
  {
    name: 'etcd_network_peer_received_bytes_total',
    type: 'counter',
    help: 'Bytes of frames received from another member.',
    read: ({ store }) =>
      store.peers.map(({ memberId, receivedBytes: value }) => ({
        labels: { From: memberId },
        value,
      })),
  },
  {
    name: 'etcd_network_peer_sent_failures_total',
    type: 'counter',
    help: 'Raft messages that could not be sent to another member: its link was down or full.',
    read: ({ store }) =>
      store.peers.map(({ memberId, sendFailures: value }) => ({ labels: { To: memberId }, value })),
  },
  {
    name: 'etcd_network_peer_round_trip_time_seconds',
    type: 'histogram',
    help: 'From a ping to another member to its answer.',
    read: ({ store }) =>
      store.peers.map(({ memberId, roundTripSeconds: value }) => ({
        labels: { To: memberId },
        value,
      })),
  },
  {
    name: 'etcd_network_client_grpc_sent_bytes_total',
    type: 'counter',
    help: "Bytes of messages of etcd's API sent to clients.",
    read: ({ grpc }) => grpc.sentBytes,
  },
  {
    name: 'etcd_network_client_grpc_received_bytes_total',
    type: 'counter',
    help: "Bytes of messages of etcd's API received from clients.",
    read: ({ grpc }) => grpc.receivedBytes,
  },
  {
    name: 'grpc_server_started_total',
    type: 'counter',
    help: "Calls of etcd's API that began, over gRPC and over JSON.",
    read: ({ grpc }) =>
      grpc.calls.map((call) => ({ labels: callLabels(call), value: call.started })),
  },
  {
    name: 'grpc_server_handled_total',
    type: 'counter',
    help: "Calls of etcd's API that ended, by the code of gRPC.",
    read: ({ grpc }) =>
      grpc.calls.flatMap((call) =>
        [...call.handled].map(([code, value]) => ({
          labels: { ...callLabels(call), grpc_code: code },
          value,
        })),
      ),
  },
  {
    name: 'grpc_server_handling_seconds',
    type: 'histogram',
    help: "From the beginning of a call of etcd's API to its end.",
    read: ({ grpc }) =>
      grpc.calls.map((call) => ({ labels: callLabels(call), value: call.seconds })),
  },
  {
    name: 'etcd_mvcc_put_total',
    type: 'counter',
    help: 'Puts run here, those inside transactions included.',
    read: ({ store }) => store.operations.puts,
  },
  {
    name: 'etcd_mvcc_range_total',
    type: 'counter',
    help: 'Ranges and chunks of scans read here, those inside transactions included.',
    read: ({ store }) => store.operations.ranges,
  },
  {
    name: 'etcd_mvcc_delete_total',
    type: 'counter',
    help: 'Deletes of a key or a range run here, those inside transactions included.',
    read: ({ store }) => store.operations.deletes,
  },
  {
    name: 'etcd_mvcc_txn_total',
    type: 'counter',
    help: 'Transactions run here; a nested one is part of its outer one.',
    read: ({ store }) => store.operations.txns,
  },
  {
    name: 'etcd_debugging_mvcc_keys_total',
    type: 'gauge',
    help: 'Keys that exist.',
    read: ({ status }) => status.keys,
  },
  {
    name: 'etcd_debugging_mvcc_watcher_total',
    type: 'gauge',
    help: 'Open watches.',
    read: ({ status }) => status.watchers,
  },
  {
    name: 'etcd_debugging_mvcc_watch_stream_total',
    type: 'gauge',
    help: 'Connections that watch, or did.',
    read: ({ store }) => store.watchStreams,
  },
  {
    name: 'etcd_debugging_mvcc_slow_watcher_total',
    type: 'gauge',
    help: 'Watches that still read the log: they began in the past, or their connection is slow.',
    read: ({ store }) => store.watchesBehind,
  },
  {
    name: 'etcd_debugging_mvcc_current_revision',
    type: 'gauge',
    help: 'The newest revision here.',
    read: ({ status }) => status.revision,
  },
  {
    name: 'etcd_debugging_mvcc_compact_revision',
    type: 'gauge',
    help: 'The revision below which history is gone.',
    read: ({ status }) => status.compactRevision,
  },
  {
    name: 'etcd_debugging_lease_granted_total',
    type: 'counter',
    help: 'Leases granted.',
    read: ({ store }) => store.leases.granted,
  },
  {
    name: 'etcd_debugging_lease_renewed_total',
    type: 'counter',
    help: 'Renewals of leases, counted by every member.',
    read: ({ store }) => store.leases.renewed,
  },
  {
    name: 'etcd_debugging_lease_revoked_total',
    type: 'counter',
    help: 'Leases that were revoked or ran out.',
    read: ({ store }) => store.leases.revoked,
  },
];

/** As grpc-prometheus names them. */
function callLabels({ type, service, method }: GrpcCallReading): Labels {
  return { grpc_type: type, grpc_service: service, grpc_method: method };
}
