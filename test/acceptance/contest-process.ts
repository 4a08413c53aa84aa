/**
 * One process of contenders for a mutex: each holds it for a while, again and again, writes with its guard, and notes
 * from when to when it could believe to hold it. The parent stops this process in its tracks and cuts it off.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, LockstepError, op, Session } from '@lockstep/client';
import { type Lock, Mutex } from '@lockstep/locks';

/** On the machine's monotonic clock, which all processes share; in milliseconds. */
export interface Belief {
  readonly token: number;
  readonly from: number;
  readonly to: number;
}

export interface ContestReport {
  readonly beliefs: readonly Belief[];
  readonly losses: number;
}

const [, , name = '', ttl = '', count = '', ...endpoints] = process.argv;
const client = new Client({ endpoints, learnEndpoints: false });
const beliefs: Belief[] = [];
let losses = 0;
let stopped = false;

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Looks every few milliseconds whether it still has it, and knows nothing better in between. */
async function hold(lock: Lock, forMs: number): Promise<void> {
  const from = now();
  let to = from;
  try {
    do {
      lock.assertHeld();
      to = now();
      await sleep(2);
    } while (to < from + forMs);
  } finally {
    beliefs.push({ token: lock.token, from, to });
  }
}

async function contend(): Promise<void> {
  let session: Session | undefined;
  while (!stopped) {
    try {
      if (session === undefined || session.lost.aborted) {
        session = await Session.open(client, { ttl: Number(ttl) });
      }
      await new Mutex(session, name).run(async (lock) => {
        const write = () =>
          lock
            .txn()
            .do(op.put(`${name}.log`, String(lock.token)))
            .commit();
        await write();
        await hold(lock, Math.random() * 30);
        await write();
      });
    } catch (error) {
      // Losing it is what this is about.
      if (!(error instanceof LockstepError)) throw error;
      losses++;
    }
    await sleep(Math.random() * 20);
  }
  await session?.close();
}

const all = Promise.all(Array.from({ length: Number(count) }, contend));
process.once('message', () => {
  stopped = true;
});
process.send?.('started');
await all;
await client.close();
process.send?.({ beliefs, losses } satisfies ContestReport, () => process.disconnect());
