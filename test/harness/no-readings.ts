import { Histogram } from '../../server/src/metrics/histogram.ts';
import type { StoreReadings } from '../../server/src/metrics/readings.ts';

/** Of a store that counts nothing. */
export function noReadings(): StoreReadings {
  return {
    leaderChanges: 0,
    proposalsPending: 0,
    proposalsFailed: 0,
    slowReadIndexes: 0,
    operations: { puts: 0, ranges: 0, deletes: 0, txns: 0 },
    leases: { granted: 0, renewed: 0, revoked: 0, expired: 0 },
    hashChecks: { passed: 0, mismatches: 0 },
    snapshots: { saved: 0, sent: 0, installed: 0, saveSeconds: new Histogram([]) },
    logWriteSeconds: new Histogram([]),
    watchStreams: 0,
    watchesBehind: 0,
    peers: [],
  };
}
