import { Client, Session } from '@lockstep/client';
import { Mutex } from '@lockstep/locks';
import { countingDial } from './counting-dial.ts';
import type { LockClient, LockClientOptions } from './lock-clients.ts';

/** What users run: the client, one session, and a mutex for each name. */
export async function openLockstepLocks(options: LockClientOptions): Promise<LockClient> {
  const { endpoint, ttl, counted } = options;
  const client = new Client({
    endpoints: `${endpoint.host}:${endpoint.port}`,
    learnEndpoints: false,
    ...(counted === undefined ? {} : { dial: countingDial(counted) }),
  });
  const session = await Session.open(client, { ttl });
  const mutexes = new Map<string, Mutex>();
  const locks: LockClient = {
    changesPerCycle: 2,
    another: async () => locks,
    acquire(name) {
      let mutex = mutexes.get(name);
      if (mutex === undefined) {
        mutex = new Mutex(session, name);
        mutexes.set(name, mutex);
      }
      return mutex.acquire();
    },
    close: () => client.close({ drainMs: 0 }),
  };
  return locks;
}
