/** Bounds both ends of a connection agree on. Bytes are bytes of UTF-8; durations are milliseconds. */
export const limits = {
  /** A put's key and value, or a whole transaction, as counted by the member (etcd: 1.5 MiB). */
  requestBytesMax: 1_572_864,
  /** One key: far above any sane name, far below what would hurt every ordered walk. */
  keyBytesMax: 65_536,
  /** One frame from a client: a request of the largest size, base64-encoded, with its envelope. */
  frameBytesMax: 4 * 1024 * 1024,
  /** One `kv.range` answer; beyond it the caller is told to narrow or page. */
  answerBytesMax: 4 * 1024 * 1024,
  /** One fragment of a large revision of a watch. */
  chunkBytesMax: 256 * 1024,
  /** One chunk of `kv.scan`. A member makes it in one step, so this bounds how long others wait behind a scan. */
  scanChunkBytesMax: 64 * 1024,
  /** Operations of a transaction: per level the most of compares, success and failure, summed along the deepest path (etcd). */
  txnOperationsMax: 128,
  /** Seconds (etcd: about 285 years). */
  leaseTtlMax: 9_000_000_000,
  /** Ranges of one watch. */
  watchRangesMax: 64,
  /** Clients whose answers are remembered; the one that was idle longest is forgotten first. */
  onceClientsMax: 10_000,
  /** Answers kept for one client: so many mutations may be without acknowledgement. */
  onceRepliesMax: 256,
  /** A larger answer is remembered as its revision only. */
  onceReplyBytesMax: 16 * 1024,
  /** Characters of the name of a user or a role. */
  authNameLengthMax: 1024,
  /** As many of a password as bcrypt looks at. */
  passwordBytesMax: 72,
  batchRequestsMax: 64,
  requestsInFlightMax: 256,
  watchesPerConnectionMax: 10_000,
  /** A member that heard nothing (not even a pong) from a client for this long closes the socket. */
  silenceMsMax: 5_000,
  heartbeatMs: 2_000,
  /** Answers and events a member holds for one connection before it reads no more requests from it. */
  unsentBytesMax: 1024 * 1024,
  /** The same over all connections of a member. */
  unsentBytesPerMemberMax: 256 * 1024 * 1024,
  /** A client that takes nothing of what is waiting for it for this long is disconnected. */
  stallMsMax: 30_000,
} as const;

export const subprotocol = 'lockstep.v1';
export const webSocketPath = '/v1/ws';
export const defaultClientPort = 2379;
