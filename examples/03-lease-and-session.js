// A key that lives as long as this program does: a service that says where it is.
import { Client, Session } from '@lockstep/client';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const session = await Session.open(client, { ttl: 5 });

await client.put('services/web/host-1', '10.0.0.1:8080', { lease: session.leaseId });
const { kvs } = await client.range({ prefix: 'services/web/' });
console.log('registered:', kvs.map(({ value }) => value).join());

// Aborts before the cluster can delete the key, so that this program is the first to know.
session.lost.addEventListener('abort', () => {
  console.log('the session ended:', session.lost.reason.message);
});

// Before what must not be done without the lease: asks the clocks, not a timer.
session.assertValid();
console.log('valid for more than 3 s:', session.remainingMs() > 3_000);

// Ends the lease now; after a crash it would end by itself, 5 s later.
await session.close();
console.log('registered:', (await client.range({ prefix: 'services/web/' })).count);

await client.close();
