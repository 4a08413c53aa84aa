import { Worker } from 'node:worker_threads';
import type { KeepAliveOrder, KeepAliveWorker } from './keep-alive-worker.ts';

/** What both threads see: when the newest answered renewal was sent, as nanoseconds and as milliseconds. */
export const slots = { monotonic: 0, wall: 1, count: 2 } as const;

export interface WorkerData extends KeepAliveOrder {
  readonly shared: SharedArrayBuffer;
}

/** From its sources it needs a Node that strips types by itself: loaders do not reach threads everywhere. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

export type WorkerMessage = 'renewed' | 'gone';

/** Starts a thread that renews a lease over a connection of its own, whatever this thread is busy with. */
export function start(order: KeepAliveOrder): KeepAliveWorker {
  const shared = new SharedArrayBuffer(slots.count * BigInt64Array.BYTES_PER_ELEMENT);
  const sent = new BigInt64Array(shared);
  const data: WorkerData = { ...order, shared };
  const worker = new Worker(new URL(`./keep-alive-thread.${extension}`, import.meta.url), {
    workerData: data,
  });
  let stopped = false;
  return {
    age() {
      const monotonic = Atomics.load(sent, slots.monotonic);
      if (monotonic === 0n) return undefined;
      const wall = Number(Atomics.load(sent, slots.wall));
      return {
        now: Number(process.hrtime.bigint() - monotonic) / 1e6,
        wall: Date.now() - wall,
      };
    },
    listen(events) {
      worker.on('message', (message: WorkerMessage) => {
        if (message === 'renewed') events.renewed();
        else events.gone();
      });
      // An exit follows an error and says less.
      let failed = false;
      worker.on('error', (error) => {
        failed = true;
        events.failed(error);
      });
      worker.on('exit', () => {
        if (stopped || failed) return;
        events.failed(new Error('the thread that renewed the lease has ended'));
      });
    },
    stop() {
      stopped = true;
      // It holds a socket and nothing else; how it ends is of no interest.
      worker.terminate().catch(() => {});
    },
  };
}
