/** The other thread of `keepAlive: 'worker'`: renews one lease until it is terminated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Client } from '../client.ts';
import { wireOf } from '../connection/wire.ts';
import { DeadlineError, LeaseNotFoundError } from '../errors.ts';
import { slots, type WorkerData, type WorkerMessage } from './keep-alive-worker-node.ts';

const { leaseId, ttlMs, endpoints, tls, auth, shared }: WorkerData = workerData;
const sent = new BigInt64Array(shared);
const client = new Client({
  endpoints,
  auth,
  callTimeoutMs: Math.min(2_000, ttlMs / 6),
  ...(tls === undefined ? {} : { tls }),
});

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

for (;;) {
  const monotonic = process.hrtime.bigint();
  const wall = BigInt(Date.now());
  try {
    await client.leases.keepAlive(leaseId);
    Atomics.store(sent, slots.wall, wall);
    Atomics.store(sent, slots.monotonic, monotonic);
    tell('renewed');
    await sleep(ttlMs / 3);
  } catch (error) {
    if (error instanceof LeaseNotFoundError) {
      tell('gone');
      break;
    }
    if (error instanceof DeadlineError) wireOf(client).rotate('it did not renew a lease in time');
    await sleep(20 + Math.random() * 180);
  }
}
await client.close({ drainMs: 0 });
