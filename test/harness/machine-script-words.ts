/** What a machine script's trace says. */
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { TxnOperationReply } from '../../server/src/core/mvcc/requests.ts';
import type { Reply } from '../../server/src/core/reply.ts';

export function describePairs(kvs: readonly KeyValue[]): string {
  if (kvs.length === 0) return 'nothing';
  return kvs.map(({ key, value, modRevision }) => `${key}=${value}@${modRevision}`).join(' ');
}

export function describeReply(reply: Reply, revision: number): string {
  switch (reply.type) {
    case 'refused': {
      const at =
        reply.compactRevision === undefined ? '' : `, compacted at ${reply.compactRevision}`;
      const ran = reply.revision === undefined ? '' : `, ran at ${reply.revision}`;
      return `refused: ${reply.code}${at}${ran}`;
    }
    case 'put':
      return `ok at ${revision}${reply.prevKv === undefined ? '' : `, was ${reply.prevKv.value}`}`;
    case 'deleteRange':
      return `deleted ${reply.deleted} at ${revision}: ${describePairs(reply.prevKvs)}`;
    case 'txn':
      return `${reply.succeeded ? 'then' : 'else'} at ${revision}: ${reply.results.map(describeOperation).join('; ') || 'nothing'}`;
    case 'leaseGrant':
      return `granted ${reply.id} for ${reply.ttl} s`;
    case 'leaseRenew':
      return `seconds from now: ${reply.ttls.join()}`;
    case 'registerClient':
      return `client ${reply.clientId}`;
    case 'clearAlarm':
      return `cleared: ${reply.alarms.map(({ alarm }) => alarm).join() || 'nothing'}`;
    default:
      return `done at ${revision}`;
  }
}

function describeOperation(result: TxnOperationReply): string {
  switch (result.type) {
    case 'range':
      return `get(${result.revision}) ${describePairs(result.reply.kvs)}`;
    case 'put':
      return `put(${result.revision})`;
    case 'deleteRange':
      return `delete(${result.revision}) ${result.reply.deleted}`;
    case 'txn':
      return `[${result.reply.succeeded ? 'then' : 'else'} ${result.reply.results.map(describeOperation).join('; ')}]`;
  }
}
