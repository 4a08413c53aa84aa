// Live configuration for services that read Redis, and need not know that it comes from anywhere else.
import { Client, op } from '@lockstep/client';
import { Mirror } from '@lockstep/redis';
import { createRedis } from './redis/create-redis.js';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
await client.put('config/color', 'blue');

// The one who mirrors: a process of its own, or any number of them. Keys that begin with `cfg:` are its own.
const redis = createRedis();
const mirror = new Mirror(client, redis, { prefix: 'config/', keyPrefix: 'cfg:' });
await mirror.ready();

// A service that reads Redis, like any other.
const show = async () => {
  const keys = (await redis.keys('cfg:*')).sort();
  for (const key of keys) console.log(key, '=', await redis.get(key));
};
await show();

console.log('-- two keys change at once');
const { header } = await client
  .txn()
  .do(op.put('config/color', 'green'), op.put('config/size', 'large'))
  .commit();
// A reader of Redis sees both or none. Whoever wrote can wait until Redis shows it.
await mirror.waitFor(header.revision);
await show();

console.log('-- while no mirror runs');
await mirror.close();
await client.delete('config/color');
await show();

console.log('-- and when one runs again');
const again = new Mirror(client, redis, { prefix: 'config/', keyPrefix: 'cfg:' });
await again.ready();
await show();
const shown = await redis.hget(again.markKey, 'revision');
console.log('Redis shows the newest revision:', Number(shown) === client.seenRevision);

await again.waitFor((await client.delete({ prefix: 'config/' })).header.revision);
await again.close();
await redis.del(again.markKey);
redis.disconnect();
await client.close();
