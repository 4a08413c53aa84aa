import type {
  Alarm,
  AlarmKind,
  Header,
  LeaseId,
  MemberId,
  SortOrder,
  SortTarget,
} from '@lockstep/client/protocol';
import type { CallOptions } from './calls/call.ts';
import type { Clock } from './clock.ts';
import type { ConnectionSettings } from './connection/connection.ts';
import type { ClientAuth } from './connection/login.ts';
import type { ClientTls, Dial } from './connection/transport.ts';
import type { KeyValue } from './key-value.ts';

export interface ClientOptions {
  /** `host:port` of one or more members, or ws/wss/http/https URLs. Default 127.0.0.1:2379. */
  readonly endpoints?: string | readonly string[];
  /**
   * TLS with an authority or a certificate of one's own, as PEM. With it every connection is over TLS. Node only:
   * a browser has authorities and certificates of its own, and https endpoints are all it needs.
   */
  readonly tls?: ClientTls;
  /** Default deadline of a call, retries and waiting for a connection included. Default 5,000. */
  readonly callTimeoutMs?: number;
  /** One attempt to connect may take this long. Default 2,000. */
  readonly connectTimeoutMs?: number;
  /** Ask the cluster for its members and fail over to them as well. Default true. */
  readonly learnEndpoints?: boolean;
  /** So many calls may wait for a connection at one time; the next is refused. Default 10,000. */
  readonly waitingCallsMax?: number;
  /**
   * Number the changes, so that one whose answer was lost is sent again, until its deadline, and
   * still runs at most once. It costs one call before the first change. Without it such a change
   * ends in an AmbiguousError at once. Default true.
   */
  readonly exactlyOnce?: boolean;
  /** Who the client is, once the cluster asks: said on each connection, and again when a token runs out. */
  readonly auth?: ClientAuth | undefined;
  /** How reconnecting waits and when silence counts as loss. */
  readonly connection?: Partial<ConnectionSettings>;
  /** Another way to open a WebSocket than the platform's. */
  readonly dial?: Dial;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
}

export interface CloseOptions {
  /** How long calls under way may still take, if there is a connection. 0 gives them up at once. Default 5,000. */
  readonly drainMs?: number;
}

export interface PutOptions extends CallOptions {
  /** Return the pair as it was before. */
  readonly prevKv?: boolean;
  /** The lease to attach the key to; without one, the key is attached to none. */
  readonly lease?: LeaseId;
  /** Keep the lease that the key has; it must exist. */
  readonly ignoreLease?: boolean;
}

/** Of a put without a value: the key keeps the one it has, and must exist. */
export interface KeepValueOptions extends PutOptions {
  readonly ignoreValue: true;
}

export interface ReadOptions extends CallOptions {
  /** Read the store as it was at this revision. */
  readonly revision?: number;
  /** Let the member answer from its own state at once. Never older than what this client saw before. */
  readonly serializable?: boolean;
}

export interface RangeOptions extends ReadOptions {
  /** At most so many pairs. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** Default `none`: by key, ascending; or ascending by `sortTarget` if that is not `key`. */
  readonly sortOrder?: SortOrder;
  /** What to sort by, before `limit` cuts. Default `key`. */
  readonly sortTarget?: SortTarget;
  /** Only pairs within these bounds; `count` still counts all. */
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export interface ScanOptions extends ReadOptions {
  /** At most so many pairs in all. */
  readonly limit?: number;
  readonly keysOnly?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Return the deleted pairs. */
  readonly prevKv?: boolean;
}

export interface PutReply {
  readonly header: Header;
  readonly prevKv: KeyValue | undefined;
}

export interface RangeReply {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** How many keys the range holds, whatever the limit. */
  readonly count: number;
}

export interface DeleteReply {
  readonly header: Header;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
  /** True when the pairs were asked for and are too large for one answer; the keys are deleted. */
  readonly prevKvsOmitted: boolean;
}

export interface CompactOptions extends CallOptions {
  /** Answer only when the member has also freed the memory. */
  readonly physical?: boolean;
}

/** Which alarms to clear; what is absent stands for all. */
export interface DisarmOptions extends CallOptions {
  readonly memberId?: MemberId;
  readonly alarm?: AlarmKind;
}

export interface HeaderReply {
  readonly header: Header;
}

export interface AlarmsReply {
  readonly header: Header;
  readonly alarms: readonly Alarm[];
}
