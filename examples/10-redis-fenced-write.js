// A Redis write that only the holder of a lock can make: the one before it comes too late, and is refused.
import { Client, Session } from '@lockstep/client';
import { Mutex } from '@lockstep/locks';
import { Fence, StaleTokenError } from '@lockstep/redis';
import { createRedis } from './redis/create-redis.js';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const redis = createRedis();
// Everything that the lock protects is written through its fence: it keeps the largest token beside the keys.
const fence = new Fence(redis, 'report');

// Two workers; each would be a process of its own.
const one = await Session.open(client, { ttl: 5 });
const two = await Session.open(client, { ttl: 5 });

const first = await new Mutex(one, 'report').acquire();
await fence.set(first, 'report:today', 'by the first');
console.log('written', await redis.get('report:today'));

// The first worker stands still (a long collection of garbage, a frozen machine), and its lease ends.
// It has not noticed: what it knows of its lock is what it knew before.
const stopped = { token: first.token, assertHeld() {} };
await client.leases.revoke(one.leaseId);

const second = await new Mutex(two, 'report').acquire();
await fence.set(second, 'report:today', 'by the second');
console.log('written', await redis.get('report:today'));

// It goes on where it was.
try {
  await fence.set(stopped, 'report:today', 'by the first, late');
} catch (error) {
  if (!(error instanceof StaleTokenError)) throw error;
  console.log('refused: its token is smaller:', error.token < error.last);
}
console.log('still', await redis.get('report:today'));

// Several commands in one step, all under the token.
const replies = await fence.run(second, [
  ['hset', 'report:totals', 'rows', '12'],
  ['hincrby', 'report:totals', 'rows', '30'],
]);
console.log('replies', replies.join());

await second.release();
await redis.del('report:today', 'report:totals', fence.fenceKey);
redis.disconnect();
await client.close();
