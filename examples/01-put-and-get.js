// Write a key, read it back, change it only if nobody else did, delete it.
import { Client, ConflictError } from '@lockstep/client';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });

await client.put('greeting', 'hello');
const read = await client.get('greeting');
console.log(read?.key, '=', read?.value, 'version', read?.version);

// Somebody else writes in between.
await client.put('greeting', 'good morning');

try {
  await client.update('greeting', 'hello, world', { ifRevision: read?.modRevision ?? 0 });
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log('not written: the key has changed since it was read');
}

// Reads, changes and writes, again if somebody was faster.
const { kv } = await client.modify('greeting', (now) => `${now?.value}, world`);
console.log(kv?.key, '=', kv?.value, 'version', kv?.version);

const { deleted } = await client.delete({ prefix: 'greeting' });
console.log('deleted', deleted);

await client.close();
