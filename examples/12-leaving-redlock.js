// A program that was written for Redlock. What has changed: the two lines marked below, and what they take.
import { Client } from '@lockstep/client';
import { ExecutionError, Redlock } from '@lockstep/redis'; // was: from 'redlock'

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const redlock = new Redlock(client, { retryCount: 3, retryDelay: 100 }); // was: new Redlock([redisA, redisB, redisC])

// As before: a lock for so many milliseconds, extended and released by hand.
let lock = await redlock.acquire(['orders:42'], 5_000);
console.log('held for more than 3 s:', lock.expiration - Date.now() > 3_000);
lock = await lock.extend(10_000);
console.log('held for more than 3 s:', lock.expiration - Date.now() > 3_000);

try {
  await redlock.acquire(['orders:42'], 5_000);
} catch (error) {
  if (!(error instanceof ExecutionError)) throw error;
  console.log('somebody has it');
}

// What Redlock does not have: a number that goes up with every holder, for whoever stores what the lock protects.
console.log('a token:', lock.token > 0);
await lock.release();

// As before: several resources, a routine under them, and a signal that aborts when they are lost; here it does so
// before anybody else can have them.
const stock = new Map([
  ['a', 3],
  ['b', 0],
]);
await redlock.using(['stock:a', 'stock:b'], 5_000, async (signal) => {
  for (let left = stock.get('a') ?? 0; left > 0; left--) {
    if (signal.aborted) throw signal.error;
    stock.set('a', left - 1);
    stock.set('b', (stock.get('b') ?? 0) + 1);
  }
});
console.log('moved:', [...stock].flat().join(' '));

await redlock.quit();
await client.close();
