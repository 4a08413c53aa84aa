/** The words the bench is written in. */
export type StoreName = 'lockstep' | 'etcd';
export type SystemName = StoreName | 'redis';
/** `lock` is to take a lock that nobody else wants, and to let it go. */
export type Operation = 'put' | 'get' | 'watch' | 'lock';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One row pair of the table: the same load for both systems. */
export interface Scenario {
  readonly operation: Operation;
  readonly members: number;
  readonly connections: number;
  /** Requests in flight on each connection; for a watch, watchers; for a lock, workers with a lock each. */
  readonly perConnection: number;
}

/** A running cluster of real processes. */
export interface Cluster {
  readonly system: SystemName;
  /** Client addresses, the leader's first. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  /** The processes that were started; their children count as theirs. */
  readonly pids: readonly number[];
  put(key: string, value: string): Promise<void>;
  /** The store's revision, asked of the leader. */
  revision(): Promise<number>;
  stop(): Promise<void>;
}

/** How the load of a scenario is made. A scenario can be tried in several ways; the best one counts. */
export interface LoadStyle {
  readonly driver: DriverName;
  /** Watch only: puts that may be sent and not yet delivered to every watch. */
  readonly putsUnderWay: number;
}

/**
 * `frames` is the bench's own driver over prepared frames, in the system's own protocol, and `grpc` the same in etcd's;
 * `h2load` is nghttp2's, which speaks etcd's and knows one request per run. The rest take locks: see {@link LockStyle}.
 */
export type DriverName = 'frames' | 'grpc' | 'h2load' | 'h2load http/1.1' | LockStyle;

/**
 * `mutex` is `@lockstep/locks` over the client, as users run it. `v3lock` is etcd's lock service, and `kv txn` what
 * its Go client does without that service, both over prepared frames. `redlock` is that algorithm on one Redis.
 */
export const lockStyles = ['mutex', 'v3lock', 'kv txn', 'redlock'] as const;
export type LockStyle = (typeof lockStyles)[number];

/** A span of wall-clock time, in milliseconds since 1970. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a driver saw. */
export interface DriverReport {
  /** Answers (or delivered events) inside the window. */
  readonly operations: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Changes that were answered from start to end, to be compared with the store's revision. */
  readonly answeredPuts: number;
  /** Puts that may have been executed without an answer, because the driver was cut off. */
  readonly unansweredPuts: number;
}

/** One run of one scenario against one system. */
export interface Run {
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of all member processes per operation, in microseconds. */
  readonly serverMicrosPerOperation: number;
  /** CPU seconds per second of the measured window. */
  readonly serverCores: number;
  readonly driverCores: number;
  /** CPU that the rest of the machine used, or that its host took away, meanwhile. */
  readonly otherCores: number;
  /** Resident memory of all members at the end of the window. */
  readonly serverMebibytes: number;
  /** The driver used more CPU than the members: the figure may be the driver's limit. */
  readonly isVoid: boolean;
  /** Something else was busy: neither the figure nor a ratio made with it can be relied on. */
  readonly isNoisy: boolean;
}

export interface Row {
  readonly scenario: Scenario;
  readonly system: SystemName;
  readonly load: LoadStyle;
  readonly runs: Run[];
  /** Why runs are missing, one sentence per failed run. */
  readonly failures: string[];
}
