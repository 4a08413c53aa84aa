/**
 * What can be read off a member for whoever watches over it: plain numbers, kept where things happen.
 * Counts begin with the process and only grow; durations are in seconds. The names that others
 * know them by are in `api/metrics`.
 */
import type { HistogramReading } from './histogram.ts';

/** One other member, and what went to and fro. */
export interface PeerReading {
  readonly memberId: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Messages that were not sent, because the link was down or full. Raft sends again what matters. */
  readonly sendFailures: number;
  readonly roundTripSeconds: HistogramReading;
}

/** What a store has done, beside what its status says. */
export interface StoreReadings {
  readonly leaderChanges: number;
  readonly proposalsPending: number;
  readonly proposalsFailed: number;
  /** Rounds that should have made a read linearizable and were asked again, because nobody answered. */
  readonly slowReadIndexes: number;
  /** Operations that were run here: those of the log on every member, reads where they were asked. */
  readonly operations: {
    readonly puts: number;
    readonly ranges: number;
    readonly deletes: number;
    readonly txns: number;
  };
  readonly leases: {
    readonly granted: number;
    readonly renewed: number;
    /** Those that ran out are among them, as in etcd. */
    readonly revoked: number;
    readonly expired: number;
  };
  readonly hashChecks: {
    /** All members reported the same. */
    readonly passed: number;
    /** Members that were found to differ. */
    readonly mismatches: number;
  };
  readonly snapshots: {
    readonly saved: number;
    readonly sent: number;
    readonly installed: number;
    readonly saveSeconds: HistogramReading;
  };
  readonly logWriteSeconds: HistogramReading;
  readonly watchStreams: number;
  /** Watches that still read the log instead of being told at once. */
  readonly watchesBehind: number;
  readonly peers: readonly PeerReading[];
}

export interface RequestReading {
  readonly method: string;
  /** By `ok` or the code of the error. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly seconds: HistogramReading;
}

/** What was asked of a member, through whatever door. */
export interface ServiceReadings {
  readonly requests: readonly RequestReading[];
  /** Refusals by code, also of what was too malformed to name a method. */
  readonly errorAnswers: ReadonlyMap<string, number>;
  readonly watchEnds: ReadonlyMap<string, number>;
}

/** One method of etcd's API. */
export interface GrpcCallReading {
  /** `unary`, `server_stream` or `bidi_stream`. */
  readonly type: string;
  readonly service: string;
  readonly method: string;
  readonly started: number;
  /** By the name of the code that they ended with. */
  readonly handled: ReadonlyMap<string, number>;
  readonly seconds: HistogramReading;
}

/** Calls of etcd's API, over gRPC and over its JSON gateway. */
export interface GrpcReadings {
  readonly calls: readonly GrpcCallReading[];
  /** Of messages, without what carries them. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface DoorReadings {
  readonly webSockets: number;
  readonly unsentBytes: number;
}

/** The process, and the machine under it. */
export interface ProcessReadings {
  readonly residentBytes: number;
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Since 1970. */
  readonly startSeconds: number;
  /** Undefined where the system does not tell. */
  readonly openFiles: number | undefined;
  readonly eventLoopDelaySeconds: HistogramReading;
  /** Of Node. */
  readonly runtime: string;
}
