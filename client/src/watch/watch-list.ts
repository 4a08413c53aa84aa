/** The lists that watches are given: what is there at first, and the difference after a compaction. */
import type { WireBytes } from '@lockstep/client/protocol';
import type { Requests } from '../calls/requests.ts';
import { pairBytes } from '../key-value.ts';
import { Scan } from '../scan.ts';
import { KnownKeys } from './known-keys.ts';
import { WatchEvent } from './watch.ts';
import type { Running } from './watch-state.ts';

/** What a delete takes in a queue, beside its key. */
const eventBytes = 100;

/**
 * Reads the ranges at one revision and puts into the queue what the consumer does not know yet: puts of
 * what is new or changed, then deletes of what is gone. Waits while the queue is full.
 * @returns the revision that was read.
 * @throws CompactedError when compaction overtook the reading; what was given by then is in `known`.
 */
export async function readList(
  running: Running,
  requests: Requests,
  seenRevision: () => number,
  signal: AbortSignal,
): Promise<number> {
  const { options, ranges, queue } = running;
  const { noPut = false, noDelete = false, keysOnly = false } = options;
  const isInitial = running.list === 'initial';
  const found = new KnownKeys();
  let revision = 0;
  try {
    for (const range of ranges) {
      const scan = new Scan(range, { revision, keysOnly, signal }, seenRevision, (params, giveUp) =>
        requests.call('kv.scan', params, { signal: giveUp }),
      );
      for await (const chunk of scan.chunks()) {
        revision = scan.revision ?? revision;
        // Of ranges that overlap, each pair comes once.
        const fresh = chunk.filter((kv) => !found.hasKey(kv.wireKey));
        for (const kv of fresh) found.set(kv);
        const news = fresh.filter((kv) => running.known?.has(kv) !== true);
        const events = news.map(
          (kv) => new WatchEvent({ type: 'put', kv: kv.toJSON() }, isInitial),
        );
        if (events.length > 0 && !noPut) {
          const bytes = news.reduce((sum, kv) => sum + pairBytes(kv), 0);
          queue.push({ type: 'events', revision, events, isListed: true }, bytes);
          await room(running, signal);
        }
        signal.throwIfAborted();
      }
      revision = scan.revision ?? revision;
    }
  } catch (error) {
    running.known ??= new KnownKeys();
    running.known.add(found);
    throw error;
  }
  // Of a first list only what an earlier try had given, and is gone by now.
  if (!noDelete) {
    for (const key of running.known ?? []) {
      if (found.hasKey(key)) continue;
      const events = [deleted(key, revision)];
      queue.push({ type: 'events', revision, events, isListed: true }, eventBytes);
      await room(running, signal);
    }
  }
  running.known = options.onCompaction === 'relist' ? found : undefined;
  return revision;
}

function deleted(key: WireBytes, revision: number): WatchEvent {
  const kv = { key, value: '', createRevision: 0, modRevision: revision, version: 0 };
  return new WatchEvent({ type: 'delete', kv });
}

/** Resolves when half of the queue is free, at once if it is not full. */
function room(running: Running, signal: AbortSignal): Promise<void> | undefined {
  signal.throwIfAborted();
  if (!running.queue.isFull) return undefined;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    running.onRoom = () => {
      running.onRoom = undefined;
      signal.removeEventListener('abort', abort);
      resolve();
    };
  });
}
