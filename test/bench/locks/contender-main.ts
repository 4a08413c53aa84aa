/** A process that contends for locks as it is told over the IPC channel. */
import { type HeldLock, type LockClient, openLockClient } from '../drivers/lock-clients.ts';
import { median } from '../statistics.ts';
import { type Answer, moment, type Numbered, type Order } from './order.ts';

const held = new Map<string, HeldLock>();
let clients: LockClient[] = [];
let events = 0;

/** Those who wait in one queue: who has the lock, and whether it is let go at once. */
const queue = {
  taken: 0,
  seen: 0,
  draining: false,
  holder: undefined as HeldLock | undefined,
  onTaken: undefined as ((at: number) => void) | undefined,
  lastAt: 0,
  waiting: Promise.resolve() as Promise<unknown>,
};

function client(): LockClient {
  const [first] = clients;
  if (first === undefined) throw new Error('no connection was opened');
  return first;
}

async function wait(waiter: LockClient, name: string): Promise<void> {
  const lock = await waiter.acquire(name);
  queue.lastAt = moment();
  queue.taken++;
  queue.onTaken?.(queue.lastAt);
  if (queue.draining) await lock.release();
  else queue.holder = lock;
}

async function standInLine(name: string, waiters: number): Promise<void> {
  const all: LockClient[] = [];
  for (let at = 0; at < waiters; at++) {
    const over = clients[at % clients.length] ?? client();
    all.push(await over.another());
  }
  queue.waiting = Promise.all(all.map((waiter) => wait(waiter, name)));
  queue.waiting.catch(fail);
}

function letGo(): void {
  const { holder } = queue;
  queue.holder = undefined;
  holder?.release().catch(fail);
}

function nextTaken(): Promise<number> {
  queue.seen++;
  if (queue.taken >= queue.seen) return Promise.resolve(queue.lastAt);
  return new Promise((resolve) => {
    queue.onTaken = (at) => {
      queue.onTaken = undefined;
      resolve(at);
    };
  });
}

async function take(count: number, inFlight: number): Promise<number> {
  const since = moment();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const name = `many/${next++}`;
      held.set(name, await client().acquire(name));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return moment() - since;
}

async function cycle(name: string, count: number): Promise<number> {
  const latencies: number[] = [];
  for (let at = 0; at < count; at++) {
    const since = moment();
    await (await client().acquire(name)).release();
    latencies.push(moment() - since);
  }
  return median(latencies);
}

function heldLock(name: string): HeldLock {
  const lock = held.get(name);
  if (lock === undefined) throw new Error(`${name} is not held here`);
  return lock;
}

async function carryOut(order: Order): Promise<number> {
  switch (order.do) {
    case 'open': {
      const { style, endpoint, ttl, connections } = order;
      const counted = (watches: number): void => {
        events += watches;
      };
      const opening = Array.from({ length: connections }, () =>
        openLockClient(style, { endpoint, ttl, counted }),
      );
      clients = await Promise.all(opening);
      return 0;
    }
    case 'acquire': {
      held.set(order.name, await client().acquire(order.name));
      return moment();
    }
    case 'release': {
      const at = moment();
      await heldLock(order.name).release();
      return at;
    }
    case 'notice loss': {
      const { lost } = heldLock(order.name);
      if (lost === undefined) throw new Error('this kind of lock does not tell of its loss');
      if (!lost.aborted) {
        await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }));
      }
      return moment();
    }
    case 'queue':
      await standInLine(order.name, order.waiters);
      return 0;
    case 'see next':
      return nextTaken();
    case 'let go':
      letGo();
      return moment();
    case 'drain':
      queue.draining = true;
      letGo();
      await queue.waiting;
      return queue.lastAt;
    case 'count events':
      return events;
    case 'take':
      return take(order.count, order.inFlight);
    case 'cycle':
      return cycle(order.name, order.count);
  }
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

process.on('message', ({ id, order }: Numbered) => {
  const answer = (rest: Omit<Answer, 'id'>): void => {
    process.send?.({ id, ...rest });
  };
  carryOut(order).then(
    (value) => answer({ value }),
    (error: unknown) => answer({ failure: String(error) }),
  );
});
process.once('disconnect', () => process.exit());
