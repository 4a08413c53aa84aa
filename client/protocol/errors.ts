/** One row of the error table. Clients decide from the row, never from the text. */
export interface ErrorKind {
  /** JSON-RPC `error.code`. */
  readonly number: number;
  /** HTTP status of the same error. */
  readonly http: number;
  /** gRPC status code of the same error (etcd's door). */
  readonly grpc: number;
  /** The sentence etcd gives, where it has the error; clients of etcd match on it. */
  readonly text: string;
  /** True when the same request may succeed later or at another member. */
  readonly retryable: boolean;
  /** True when the request may have taken effect although it failed. */
  readonly ambiguous: boolean;
}

function kind(
  number: number,
  http: number,
  grpc: number,
  text: string,
  traits: { retryable?: true; ambiguous?: true } = {},
): ErrorKind {
  return {
    number,
    http,
    grpc,
    text,
    retryable: traits.retryable ?? false,
    ambiguous: traits.ambiguous ?? false,
  };
}

/** PROTOCOL [W-40]: every error a member can answer with. */
export const errorTable = {
  parse_error: kind(-32700, 400, 3, 'the frame is not JSON'),
  invalid_request: kind(-32600, 400, 3, 'the frame is not a JSON-RPC 2.0 request'),
  unknown_method: kind(-32601, 404, 12, 'there is no such method'),
  invalid_params: kind(-32602, 400, 3, 'the params do not fit the method'),
  internal: kind(-32603, 500, 13, 'internal error', { ambiguous: true }),
  empty_key: kind(-32001, 400, 3, 'etcdserver: key is not provided'),
  request_too_large: kind(-32002, 413, 3, 'etcdserver: request is too large'),
  value_provided: kind(-32004, 400, 3, 'etcdserver: value is provided'),
  lease_provided: kind(-32005, 400, 3, 'etcdserver: lease is provided'),
  key_not_found: kind(-32006, 400, 3, 'etcdserver: key not found'),
  too_many_operations: kind(-32007, 400, 3, 'etcdserver: too many operations in txn request'),
  duplicate_key: kind(-32008, 400, 3, 'etcdserver: duplicate key given in txn request'),
  invalid_sort_option: kind(-32009, 400, 3, 'etcdserver: invalid sort option'),
  answer_too_large: kind(-32003, 400, 8, 'the answer is too large for one frame'),
  compacted: kind(-32010, 400, 11, 'etcdserver: mvcc: required revision has been compacted'),
  future_revision: kind(
    -32011,
    400,
    11,
    'etcdserver: mvcc: required revision is a future revision',
  ),
  watch_id_taken: kind(-32012, 409, 9, 'the watch id is in use on this connection'),
  lease_not_found: kind(-32013, 404, 5, 'etcdserver: requested lease not found'),
  lease_exists: kind(-32014, 409, 9, 'etcdserver: lease already exists'),
  lease_ttl_too_large: kind(-32015, 400, 11, 'etcdserver: too large lease TTL'),
  client_expired: kind(-32016, 410, 9, 'the cluster does not know this client id (any more)'),
  reply_evicted: kind(
    -32017,
    410,
    9,
    'the request was run before and its answer is no longer kept',
  ),
  no_space: kind(-32018, 507, 8, 'etcdserver: mvcc: database space exceeded'),
  corrupt: kind(-32019, 500, 15, 'etcdserver: corrupt cluster'),
  too_many_requests: kind(-32020, 429, 8, 'etcdserver: too many requests', { retryable: true }),
  no_leader: kind(-32021, 503, 14, 'etcdserver: no leader', { retryable: true }),
  leader_changed: kind(-32022, 503, 14, 'etcdserver: leader changed', {
    retryable: true,
    ambiguous: true,
  }),
  timeout: kind(-32023, 504, 14, 'etcdserver: request timed out', {
    retryable: true,
    ambiguous: true,
  }),
  server_stopped: kind(-32024, 503, 14, 'etcdserver: server stopped', {
    retryable: true,
    ambiguous: true,
  }),
  not_leader: kind(-32025, 409, 9, 'etcdserver: not leader', { retryable: true }),
  bad_leader_transferee: kind(-32026, 400, 9, 'etcdserver: bad leader transferee'),
  cluster_too_old: kind(
    -32027,
    409,
    9,
    'the cluster is at a version before this request: upgrade every member',
  ),
  member_not_found: kind(-32060, 404, 5, 'etcdserver: member not found'),
  member_exists: kind(-32061, 409, 9, 'etcdserver: member ID already exist'),
  peer_address_exists: kind(-32062, 409, 9, 'etcdserver: Peer URLs already exists'),
  not_enough_started_members: kind(
    -32063,
    409,
    9,
    'etcdserver: re-configuration failed due to not enough started members',
  ),
  unhealthy_cluster: kind(-32064, 503, 14, 'etcdserver: unhealthy cluster'),
  not_a_learner: kind(-32065, 409, 9, 'etcdserver: can only promote a learner member'),
  learner_not_ready: kind(
    -32066,
    409,
    9,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ),
  too_many_learners: kind(-32067, 409, 9, 'etcdserver: too many learner members in cluster'),
  invalid_peer_address: kind(-32068, 400, 3, 'etcdserver: given member URLs are invalid'),
  forbidden_origin: kind(-32030, 403, 7, 'requests from this origin are not allowed'),
  permission_denied: kind(-32031, 403, 7, 'etcdserver: permission denied'),
  auth_not_enabled: kind(-32050, 409, 9, 'etcdserver: authentication is not enabled'),
  root_user_missing: kind(-32051, 409, 9, 'etcdserver: root user does not exist'),
  root_role_missing: kind(-32052, 409, 9, 'etcdserver: root user does not have root role'),
  user_name_empty: kind(-32053, 401, 3, 'etcdserver: user name is empty'),
  role_name_empty: kind(-32054, 400, 3, 'etcdserver: role name is empty'),
  user_exists: kind(-32055, 409, 9, 'etcdserver: user name already exists'),
  user_not_found: kind(-32056, 404, 9, 'etcdserver: user name not found'),
  role_exists: kind(-32057, 409, 9, 'etcdserver: role name already exists'),
  role_not_found: kind(-32058, 404, 9, 'etcdserver: role name not found'),
  role_not_granted: kind(-32059, 409, 9, 'etcdserver: role is not granted to the user'),
  permission_not_granted: kind(-32080, 409, 9, 'etcdserver: permission is not granted to the role'),
  permission_not_given: kind(-32081, 400, 3, 'etcdserver: permission not given'),
  invalid_auth_management: kind(-32082, 400, 3, 'etcdserver: invalid auth management'),
  auth_failed: kind(
    -32083,
    401,
    3,
    'etcdserver: authentication failed, invalid user ID or password',
  ),
  invalid_auth_token: kind(-32084, 401, 16, 'etcdserver: invalid auth token'),
  auth_revision_old: kind(-32085, 409, 3, 'etcdserver: revision of auth store is old', {
    retryable: true,
  }),
  not_found: kind(-32040, 404, 5, 'there is nothing under this path'),
  method_not_allowed: kind(-32041, 405, 12, 'the path does not take this HTTP method'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorTable, code);
}

/** The `error` member of a JSON-RPC reply, and the `error` member of an HTTP error body. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: {
    readonly code: ErrorCode;
    readonly retryable: boolean;
    readonly ambiguous: boolean;
    /** For `compacted`: the revision up to which history is gone. */
    readonly compactRevision?: number;
    /** For `reply_evicted`: the store's revision after the request was run, if it is known. */
    readonly revision?: number;
  };
}

export interface ErrorDetails {
  readonly compactRevision?: number | undefined;
  readonly revision?: number | undefined;
}

/** An error of the table, thrown inside a member and turned into a {@link WireError} at the door. */
export class TableError extends Error {
  override readonly name = 'TableError';
  readonly code: ErrorCode;
  readonly compactRevision: number | undefined;
  readonly revision: number | undefined;

  constructor(code: ErrorCode, message?: string, details: ErrorDetails = {}) {
    super(message ?? errorTable[code].text);
    this.code = code;
    this.compactRevision = details.compactRevision;
    this.revision = details.revision;
  }

  get kind(): ErrorKind {
    return errorTable[this.code];
  }

  toWire(): WireError {
    const { number, retryable, ambiguous } = this.kind;
    return {
      code: number,
      message: this.message,
      data: {
        code: this.code,
        retryable,
        ambiguous,
        ...(this.compactRevision === undefined ? {} : { compactRevision: this.compactRevision }),
        ...(this.revision === undefined ? {} : { revision: this.revision }),
      },
    };
  }
}
