import type { StoreReadings } from '../metrics/readings.ts';
import type { Member } from './member.ts';

/** What a member has counted, gathered from where it is kept. */
export function readingsOf(member: Member): StoreReadings {
  const { counts } = member.machine;
  const { saved, sent, installed, saveSeconds } = member.snapshots;
  return {
    leaderChanges: member.leadership.changes,
    proposalsPending: member.proposals.count,
    proposalsFailed: member.proposals.failed,
    slowReadIndexes: member.reads.slowRounds,
    operations: {
      puts: counts.puts,
      ranges: counts.ranges,
      deletes: counts.deletes,
      txns: counts.txns,
    },
    leases: {
      granted: counts.leasesGranted,
      renewed: counts.leasesRenewed,
      revoked: counts.leasesRevoked,
      expired: counts.leasesExpired,
    },
    hashChecks: { passed: counts.hashChecksPassed, mismatches: counts.hashMismatches },
    snapshots: { saved, sent, installed, saveSeconds },
    logWriteSeconds: member.wal.writeSeconds,
    watchStreams: member.hub.streams,
    watchesBehind: member.hub.watchesBehind,
    peers: member.links.peers().map(({ id: memberId, traffic }) => ({
      memberId,
      sentBytes: traffic.sentBytes,
      receivedBytes: traffic.receivedBytes,
      sendFailures: traffic.sendFailures,
      roundTripSeconds: traffic.roundTrip,
    })),
  };
}
