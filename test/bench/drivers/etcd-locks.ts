import { at, post } from '../clusters.ts';
import type { Endpoint } from '../model.ts';
import {
  enterQueueRequest,
  grpcMessage,
  hasSucceeded,
  keyRequest,
  lockRequest,
} from '../protobuf.ts';
import { EtcdCalls } from './etcd-calls.ts';
import type { LockClient, LockClientOptions } from './lock-clients.ts';

const lockPath = '/v3lockpb.Lock/Lock';
const unlockPath = '/v3lockpb.Lock/Unlock';
const txnPath = '/etcdserverpb.KV/Txn';
const deletePath = '/etcdserverpb.KV/DeleteRange';
const grpcPrefixBytes = 5;

/** Long enough that nobody has to renew it while the bench runs, which saves etcd the renewals. */
const leaseSeconds = 3_600;

interface Prepared {
  readonly enter: Buffer;
  readonly leave: Buffer;
}

/**
 * etcd's lock with one lease for all names. Requests are prepared once per name, and answers are looked at no more than
 * it takes to see that they are no refusals.
 */
export async function openEtcdLocks(
  style: 'v3lock' | 'kv txn',
  { endpoint }: Pick<LockClientOptions, 'endpoint'>,
): Promise<LockClient> {
  return locksOver(await EtcdCalls.open(endpoint), style, endpoint);
}

async function locksOver(
  calls: EtcdCalls,
  style: 'v3lock' | 'kv txn',
  endpoint: Endpoint,
): Promise<LockClient> {
  const lease = await grantLease(endpoint);
  const leaseHex = BigInt(lease).toString(16);
  const prepared = new Map<string, Prepared>();
  const prepare = (name: string): Prepared => {
    const key = `${name}/${leaseHex}`;
    const enter =
      style === 'v3lock' ? lockRequest(name, lease) : enterQueueRequest(name, key, lease);
    const made = { enter: grpcMessage(enter), leave: grpcMessage(keyRequest(key)) };
    prepared.set(name, made);
    return made;
  };
  return {
    changesPerCycle: 2,
    // Its name for a place in the queue is the lease, so whoever waits needs one.
    another: () => locksOver(calls, style, endpoint),
    async acquire(name) {
      const { enter, leave } = prepared.get(name) ?? prepare(name);
      if (style === 'v3lock') {
        await calls.call(lockPath, enter);
        return { release: () => calls.call(unlockPath, leave) };
      }
      const answer = await calls.call(txnPath, enter);
      if (!hasSucceeded(answer.subarray(grpcPrefixBytes))) {
        throw new Error(`the lock ${name} is somebody else's, and nobody waits here`);
      }
      return { release: () => calls.call(deletePath, leave) };
    },
    async close() {
      calls.close();
    },
  };
}

async function grantLease(endpoint: Endpoint): Promise<string> {
  const granted = at(await post(endpoint, '/v3/lease/grant', { TTL: leaseSeconds }), 'ID');
  if (typeof granted !== 'string') throw new Error('etcd granted no lease');
  return granted;
}
