import { Client, op, Session } from '@lockstep/client';
import { Mutex } from '@lockstep/locks';
const client = new Client({ endpoints: process.argv[2] });
const session = await Session.open(client, { ttl: 30 });
const lease = session.leaseId;
async function load(name, cycle, seconds = 3) {
  const end0 = performance.now() + 2000; 
  const worker = async (w, end, count) => { let i = 0; while (performance.now() < end) { await cycle(w, i++); count.n++; } };
  await Promise.all(Array.from({ length: 50 }, (_, w) => worker(w, end0, { n: 0 })));
  const count = { n: 0 }; const end = performance.now() + seconds * 1000; const cpu = process.cpuUsage(); const a = performance.now();
  await Promise.all(Array.from({ length: 50 }, (_, w) => worker(w, end, count)));
  const s = (performance.now() - a) / 1000; const u = process.cpuUsage(cpu);
  console.log(name.padEnd(20), Math.round(count.n / s), '/s client cpu', ((u.user + u.system) / 1e4 / s).toFixed(0) + '%', 'us/op', ((u.user + u.system) / count.n).toFixed(0));
}
await load('put', (w, i) => client.put('x' + w, String(i)));
await load('txn put+range, del', async (w, i) => { await client.txn({ success: [op.put('y' + w + '/' + i, 'v', { lease }), op.range({ prefix: 'y' + w + '/' }, { sortTarget: 'create', sortOrder: 'descend', limit: 2 })] }); await client.delete('y' + w + '/' + i); });
const ms = Array.from({ length: 50 }, (_, w) => new Mutex(session, 'm' + w));
await load('mutex', async (w) => { const l = await ms[w].acquire(); await l.release(); });
await client.close();
