// One at a time, and nobody writes with a lock that is lost.
import { Client, op, Session } from '@lockstep/client';
import { LockLostError, Mutex } from '@lockstep/locks';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const session = await Session.open(client, { ttl: 5 });
const mutex = new Mutex(session, 'nightly', { identity: 'host-1' });

// Released when the function has ended, and not before.
await mutex.run(async (lock) => {
  await lock.txn().do(op.put('report', 'made by host-1')).commit();
  console.log('the report was', (await client.get('report'))?.value);
});

// Somebody who asks too late waits, first come, first served.
const first = await mutex.acquire();
let second;
const position = await new Promise((resolve) => {
  second = mutex.acquire({ onQueued: resolve });
});
const { holder } = await mutex.inspect();
console.log(`held by ${holder?.identity}, and waiting at place ${position}`);
await first.release();
const lock = await second;
console.log('the next token is larger:', lock.token > first.token);

// An operator removes its key: the lock is lost, whatever this program believes.
await client.delete(lock.key);
try {
  await lock.txn().do(op.put('report', 'too late')).commit();
} catch (error) {
  if (!(error instanceof LockLostError)) throw error;
  console.log('refused:', error.message);
}
console.log('the report was still', (await client.get('report'))?.value);
console.log('released what was gone:', await lock.release());

await session.close();
await client.close();
