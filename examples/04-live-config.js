// Configuration that is always fresh in memory, and a program that hears of each change.
import { Client, codecs, LiveCache, Space } from '@lockstep/client';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const config = new Space(client, 'config/', codecs.text);

await config.put('color', 'blue');
const live = await LiveCache.open(config, { prefix: '' });
console.log('color is', live.get(config.key('color'))?.value, live.isStale ? '(stale)' : '(fresh)');

// Somebody else, in another process, changes it.
setTimeout(async () => {
  await config.put('color', 'green');
  await config.put('size', 'large');
  await config.delete('color');
}, 100);

// The same as events: what is there first, then everything that happens, in order.
for await (const { type, key, entry } of config.watch({ initial: true })) {
  console.log(type, key, entry?.value ?? '');
  if (type === 'delete') break;
}

// Everything up to the last change is in the cache once it has reached its revision.
await live.waitFor(client.seenRevision);
console.log([...live.entries()].map(({ key, value }) => `${key}=${value}`).join());

live.close();
await config.delete({ prefix: '' });
await client.close();
