/** The JSON of etcd's gateway: bytes are base64, 64-bit numbers are strings, what is zero is left out. */
import type { ByteString } from '@lockstep/client/protocol';
import type {
  Answer,
  Condition,
  Operation,
  OperationAnswer,
  Pair,
  Range,
  SeenEvent,
  Txn,
  Watch,
} from './model.ts';

interface EtcdHeader {
  readonly revision?: string;
}

export interface EtcdPair {
  readonly key?: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision?: string;
  readonly version?: string;
  readonly lease?: string;
}

/** All answers of the KV and Lease services in one. */
export interface EtcdAnswer {
  readonly header?: EtcdHeader;
  readonly kvs?: readonly EtcdPair[];
  readonly more?: boolean;
  readonly count?: string;
  readonly prev_kv?: EtcdPair;
  readonly deleted?: string;
  readonly prev_kvs?: readonly EtcdPair[];
  readonly succeeded?: boolean;
  readonly responses?: readonly EtcdOperationAnswer[];
  readonly ID?: string;
  readonly TTL?: string;
  readonly grantedTTL?: string;
  readonly keys?: readonly string[];
  readonly leases?: readonly { readonly ID?: string }[];
}

interface EtcdOperationAnswer {
  readonly response_range?: EtcdAnswer;
  readonly response_put?: EtcdAnswer;
  readonly response_delete_range?: EtcdAnswer;
  readonly response_txn?: EtcdAnswer;
}

interface EtcdEvent {
  readonly type?: string;
  readonly kv?: EtcdPair;
  readonly prev_kv?: EtcdPair;
}

export interface EtcdWatchMessage {
  readonly header?: EtcdHeader;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compact_revision?: string;
  readonly cancel_reason?: string;
  readonly events?: readonly EtcdEvent[];
}

const encode = (bytes: ByteString): string => btoa(bytes);
// atob gives one character per byte, which is what a byte string is.
const decode = (text = ''): ByteString => atob(text) as ByteString;

export function etcdRange(range: Range): object {
  return {
    key: encode(range.key),
    range_end: encode(range.rangeEnd),
    limit: `${range.limit}`,
    revision: `${range.revision}`,
    serializable: range.serializable,
    keys_only: range.keysOnly,
    count_only: range.countOnly,
    sort_order: range.sortOrder.toUpperCase(),
    sort_target: range.sortTarget.toUpperCase(),
    min_mod_revision: `${range.minModRevision}`,
    max_mod_revision: `${range.maxModRevision}`,
    min_create_revision: `${range.minCreateRevision}`,
    max_create_revision: `${range.maxCreateRevision}`,
  };
}

const operators = { '=': 'EQUAL', '!=': 'NOT_EQUAL', '<': 'LESS', '>': 'GREATER' } as const;
const operandNames = {
  version: 'version',
  create: 'create_revision',
  mod: 'mod_revision',
  value: 'value',
  lease: 'lease',
} as const;

function etcdCondition(condition: Condition): object {
  const { target, operand } = condition;
  return {
    key: encode(condition.key),
    range_end: encode(condition.rangeEnd),
    target: target.toUpperCase(),
    result: operators[condition.operator],
    [operandNames[target]]: target === 'value' ? encode(operand) : `${operand}`,
  };
}

function etcdTxn(txn: Txn): object {
  return {
    compare: txn.compare.map(etcdCondition),
    success: txn.success.map(etcdOperation),
    failure: txn.failure.map(etcdOperation),
  };
}

export function etcdBody(operation: Operation): object {
  switch (operation.kind) {
    case 'range':
      return etcdRange(operation);
    case 'put':
      return {
        key: encode(operation.key),
        value: encode(operation.value),
        lease: operation.lease,
        prev_kv: operation.prevKv,
        ignore_value: operation.ignoreValue,
        ignore_lease: operation.ignoreLease,
      };
    case 'deleteRange':
      return {
        key: encode(operation.key),
        range_end: encode(operation.rangeEnd),
        prev_kv: operation.prevKv,
      };
    case 'txn':
      return etcdTxn(operation);
  }
}

const operationNames = {
  range: 'request_range',
  put: 'request_put',
  deleteRange: 'request_delete_range',
  txn: 'request_txn',
} as const;

function etcdOperation(operation: Operation): object {
  return { [operationNames[operation.kind]]: etcdBody(operation) };
}

export function etcdWatch(watch: Watch): object {
  return {
    create_request: {
      key: encode(watch.key),
      range_end: encode(watch.rangeEnd),
      start_revision: `${watch.startRevision}`,
      prev_kv: watch.prevKv,
      filters: [...(watch.noPut ? ['NOPUT'] : []), ...(watch.noDelete ? ['NODELETE'] : [])],
      // Always: it is how the comparison knows that a watch has been told everything.
      progress_notify: true,
    },
  };
}

export function neutralPair(pair: EtcdPair): Pair {
  return {
    key: decode(pair.key),
    value: decode(pair.value),
    createRevision: Number(pair.create_revision ?? 0),
    modRevision: Number(pair.mod_revision ?? 0),
    version: Number(pair.version ?? 0),
    lease: pair.lease ?? '0',
  };
}

export function neutralEvent({ type, kv, prev_kv }: EtcdEvent): SeenEvent {
  return {
    type: type === 'DELETE' ? 'delete' : 'put',
    kv: neutralPair(kv ?? {}),
    prevKv: prev_kv && neutralPair(prev_kv),
  };
}

export function revisionOf({ header }: { readonly header?: EtcdHeader }): number {
  return Number(header?.revision ?? 0);
}

export function neutralOperation(
  kind: OperationAnswer['kind'],
  answer: EtcdAnswer,
): OperationAnswer {
  const revision = revisionOf(answer);
  switch (kind) {
    case 'range': {
      const { kvs = [], more = false, count = 0 } = answer;
      return { kind, revision, kvs: kvs.map(neutralPair), more, count: Number(count) };
    }
    case 'put':
      return { kind, revision, prevKv: answer.prev_kv && neutralPair(answer.prev_kv) };
    case 'deleteRange': {
      const { deleted = 0, prev_kvs = [] } = answer;
      return { kind, revision, deleted: Number(deleted), prevKvs: prev_kvs.map(neutralPair) };
    }
    case 'txn': {
      const { succeeded = false, responses = [] } = answer;
      return { kind, revision, succeeded, results: responses.map(neutralResult) };
    }
  }
}

function neutralResult(result: EtcdOperationAnswer): OperationAnswer {
  if (result.response_range) return neutralOperation('range', result.response_range);
  if (result.response_put) return neutralOperation('put', result.response_put);
  if (result.response_delete_range) {
    return neutralOperation('deleteRange', result.response_delete_range);
  }
  if (result.response_txn) return neutralOperation('txn', result.response_txn);
  throw new Error(`etcd answered an operation with ${JSON.stringify(result)}`);
}

/** Every answer but those of operations and watches. */
export function neutralOther(
  kind: 'compact' | 'grant' | 'revoke' | 'keepAlive' | 'timeToLive' | 'leases',
  answer: EtcdAnswer,
): Answer {
  const revision = revisionOf(answer);
  const { ID: id = '0', TTL = 0, grantedTTL = 0, keys = [], leases = [] } = answer;
  switch (kind) {
    case 'compact':
    case 'revoke':
      return { kind, revision };
    case 'grant':
    case 'keepAlive':
      return { kind, revision, id, ttl: Number(TTL) };
    case 'timeToLive': {
      const sorted = keys.map((key) => decode(key)).sort();
      return { kind, revision, id, ttl: Number(TTL), grantedTtl: Number(grantedTTL), keys: sorted };
    }
    case 'leases':
      return { kind, revision, ids: leases.map(({ ID = '0' }) => ID).sort() };
  }
}
