import type { MemberOptions } from '../../server/src/member/options.ts';

const kibibyte = 1024;

/** Limits so low that a short run of a simulated member meets all of them: batches, windows, snapshots, compaction, hash checks. */
export const tightLimits = {
  tickMs: 100,
  callTicks: 50,
  raft: {
    electionTicks: 10,
    heartbeatTicks: 1,
    preVote: true,
    checkQuorum: true,
    inflightMessagesMax: 8,
    inflightBytesMax: 64 * kibibyte,
    messageBytesMax: 2 * kibibyte,
    commitBytesMax: 4 * kibibyte,
    uncommittedBytesMax: 64 * kibibyte,
  },
  retention: { entries: 20, bytes: 8 * kibibyte },
  snapshotBytesMin: 4 * kibibyte,
  autoCompaction: { mode: 'revision', retentionTicks: 0, revisions: 60, everyTicks: 50 },
  hashCheckTicks: 60,
} as const satisfies Partial<MemberOptions>;
