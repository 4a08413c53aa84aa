// Two worker processes, one lock. The holder is killed; the other has the lock when the lease has ended.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client, op, Session } from '@lockstep/client';
import { Mutex } from '@lockstep/locks';

const ttl = 3;

if (process.send !== undefined) await work(process.argv[2]);
else await watchThem();

async function work(name) {
  const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
  const session = await Session.open(client, { ttl });
  await new Mutex(session, 'worker', { identity: name }).run(async (lock) => {
    await lock.txn().do(op.put('last-worker', name)).commit();
    process.send(lock.token);
    // Works until it is killed, or told to end.
    await once(process, 'message');
  });
  await client.close();
  process.disconnect();
}

async function watchThem() {
  const script = fileURLToPath(import.meta.url);
  const one = fork(script, ['one']);
  const [token] = await once(one, 'message');
  console.log('one has the lock');

  const two = fork(script, ['two']);
  const taken = once(two, 'message');
  await untilQueued();
  console.log('two waits');

  one.kill('SIGKILL');
  const killed = performance.now();
  const [nextToken] = await taken;
  const seconds = (performance.now() - killed) / 1_000;
  console.log(
    'two has the lock, after the lease of one:',
    seconds > ttl - 1.5 && seconds < ttl + 3,
  );
  console.log('its token is larger:', nextToken > token);
  two.send('end');
  await once(two, 'exit');
}

async function untilQueued() {
  const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
  const watch = client.watch({ prefix: 'worker/', initial: true, noDelete: true });
  let places = 0;
  for await (const _ of watch) if (++places === 2) break;
  await client.close();
}
