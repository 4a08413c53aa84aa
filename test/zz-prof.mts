import { Client, Session } from '@lockstep/client';
import { Mutex } from '@lockstep/locks';
const client = new Client({ endpoints: process.argv[2] });
const session = await Session.open(client, { ttl: 30 });
const ms = Array.from({ length: 50 }, (_, w) => new Mutex(session, 'm' + w));
const end = performance.now() + 8000;
await Promise.all(ms.map(async (m) => { while (performance.now() < end) { const l = await m.acquire(); await l.release(); } }));
await client.close();
