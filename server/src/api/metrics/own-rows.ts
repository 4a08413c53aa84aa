import type { Sample } from './exposition.ts';
import type { Row } from './rows.ts';

/** What etcd has no name for. */
export const ownRows: readonly Row[] = [
  {
    name: 'lockstep_build_info',
    type: 'gauge',
    help: 'Always 1; the label says which version of Lockstep runs.',
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: 'lockstep_cluster_version',
    type: 'gauge',
    help: 'Version at which the cluster works. It goes up when every member runs a build that knows the next.',
    read: ({ status }) => status.clusterVersion,
  },
  {
    name: 'lockstep_requests_total',
    type: 'counter',
    help: 'Requests through any door, by method and outcome: ok, or the code of the error.',
    read: ({ service }) =>
      service.requests.flatMap(({ method, outcomes }) =>
        [...outcomes].map(([code, value]) => ({ labels: { method, code }, value })),
      ),
  },
  {
    name: 'lockstep_request_duration_seconds',
    type: 'histogram',
    help: 'From a request that was read and checked to its outcome.',
    read: ({ service }) =>
      service.requests.map(({ method, seconds: value }) => ({ labels: { method }, value })),
  },
  {
    name: 'lockstep_error_answers_total',
    type: 'counter',
    help: 'Errors that were answered, by code; also to what was too malformed to name a method.',
    read: ({ service }) => byLabel('code', service.errorAnswers),
  },
  {
    name: 'lockstep_watch_ends_total',
    type: 'counter',
    help: 'Watches that the member ended, by reason.',
    read: ({ service }) => byLabel('reason', service.watchEnds),
  },
  {
    name: 'lockstep_websocket_connections',
    type: 'gauge',
    help: 'Open WebSocket connections.',
    read: ({ doors }) => doors.webSockets,
  },
  {
    name: 'lockstep_websocket_unsent_bytes',
    type: 'gauge',
    help: 'Bytes that wait for clients on all WebSocket connections together.',
    read: ({ doors }) => doors.unsentBytes,
  },
  {
    name: 'lockstep_leases',
    type: 'gauge',
    help: 'Leases that exist.',
    read: ({ status }) => status.leases,
  },
  {
    name: 'lockstep_live_bytes',
    type: 'gauge',
    help: 'The part of the state that the newest versions take; the rest is history.',
    read: ({ status }) => status.liveBytes,
  },
  {
    name: 'lockstep_alarms',
    type: 'gauge',
    help: 'Alarms that are raised, by kind.',
    read: ({ status }) =>
      (['nospace', 'corrupt'] as const).map((alarm) => ({
        labels: { alarm },
        value: status.alarms.filter((raised) => raised.alarm === alarm).length,
      })),
  },
  {
    name: 'lockstep_hash_checks_total',
    type: 'counter',
    help: 'Comparisons of the states of all members: passed, or one mismatch for each member that differed.',
    read: ({ store }) => [
      { labels: { result: 'passed' }, value: store.hashChecks.passed },
      { labels: { result: 'mismatch' }, value: store.hashChecks.mismatches },
    ],
  },
  {
    name: 'lockstep_snapshots_total',
    type: 'counter',
    help: 'Snapshots that were saved to this disk, sent to another member, or installed from one.',
    read: ({ store }) =>
      (['saved', 'sent', 'installed'] as const).map((what) => ({
        labels: { what },
        value: store.snapshots[what],
      })),
  },
  {
    name: 'lockstep_snapshot_save_duration_seconds',
    type: 'histogram',
    help: 'How long it took to save a snapshot, while writes went on.',
    read: ({ store }) => [{ value: store.snapshots.saveSeconds }],
  },
];

function byLabel(label: string, counts: ReadonlyMap<string, number>): Sample[] {
  return [...counts].map(([text, value]) => ({ labels: { [label]: text }, value }));
}
