import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { LockClient, LockClientOptions } from './lock-clients.ts';

/** As its best known library for Node has them by default. */
const retryMs = 200;
const jitterMs = 100;
/** What of the time to live is left out of the validity for clocks that differ. */
const driftShare = 0.01;
const driftMs = 2;

/** Deletes the key only if it still has the value that this holder gave it. */
const releaseScript =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end';

/** Redlock as it is published, on one instance: set if absent with a time to live, or try again later. */
export async function openRedlock({ endpoint, ttl }: LockClientOptions): Promise<LockClient> {
  const redis = new Redis({ host: endpoint.host, port: endpoint.port });
  await redis.script('LOAD', releaseScript);
  const script = createHash('sha1').update(releaseScript).digest('hex');
  const ttlMs = ttl * 1_000;
  const validMs = ttlMs - ttlMs * driftShare - driftMs;
  const locks: LockClient = {
    changesPerCycle: 0,
    another: async () => locks,
    async acquire(name) {
      const value = randomUUID();
      for (;;) {
        const since = performance.now();
        const taken = await redis.set(name, value, 'PX', ttlMs, 'NX');
        if (taken === 'OK' && performance.now() - since < validMs) {
          return { release: () => redis.evalsha(script, 1, name, value) };
        }
        await sleep(retryMs + (2 * Math.random() - 1) * jitterMs);
      }
    },
    async close() {
      redis.disconnect();
    },
  };
  return locks;
}
