import {
  type Client,
  ClosedError,
  type KeyValue,
  LockstepError,
  op,
  pause,
  type Selector,
  type WatchBatch,
  WatchCompactedError,
} from '@lockstep/client';

/** What stood under some keys at one revision. */
export interface Picture {
  readonly revision: number;
  /** By key. Keys that are no text are nobody's here, and left out. */
  readonly kvs: ReadonlyMap<string, KeyValue>;
}

export interface PictureOptions {
  readonly signal: AbortSignal;
  /** Begin behind this one, which is then not given. */
  readonly after?: Picture;
}

const lookAgainMs = 500;

/** The operations that take a picture, in a transaction that does something else as well. */
export function look(ranges: readonly Selector[]) {
  return ranges.map((range) => op.range(range));
}

/** A picture of what {@link look} found, at the revision of its transaction. */
export function pictureOf(
  found: readonly { readonly kvs: readonly KeyValue[] }[],
  revision: number,
): Picture {
  const kvs = new Map<string, KeyValue>();
  for (const kv of found.flatMap((range) => range.kvs)) {
    if (typeof kv.wireKey === 'string') kvs.set(kv.wireKey, kv);
  }
  return { revision, kvs };
}

/**
 * What stands under some keys, whole, after each revision that changes any of it: the first picture, then the next, none
 * left out, through lost connections. Only when compaction has overtaken it are changes left out: then it
 * looks again, and what happened in between shows in the create revisions alone. Ends by its signal, or as a watch ends.
 */
export async function* pictures(
  client: Client,
  ranges: readonly Selector[],
  { signal, after }: PictureOptions,
): AsyncGenerator<Picture, never, undefined> {
  let picture = after ?? (await taken(client, ranges, signal));
  if (after === undefined) yield picture;
  for (;;) {
    const watch = client.watch({
      ranges,
      startRevision: picture.revision + 1,
      // Where nothing happens for long, a compaction would else overtake the watch.
      progressNotify: true,
      signal,
    });
    try {
      for await (const batch of watch.batches()) {
        picture = changed(picture, batch);
        yield picture;
      }
      throw new ClosedError('the watch was closed');
    } catch (error) {
      if (!(error instanceof WatchCompactedError)) throw error;
    }
    picture = await takenAtLast(client, ranges, signal);
    yield picture;
  }
}

function changed({ kvs }: Picture, { revision, events }: WatchBatch): Picture {
  const now = new Map(kvs);
  for (const { type, kv } of events) {
    if (typeof kv.wireKey !== 'string') continue;
    if (type === 'delete') now.delete(kv.wireKey);
    else now.set(kv.wireKey, kv);
  }
  return { revision, kvs: now };
}

async function taken(
  client: Client,
  ranges: readonly Selector[],
  signal: AbortSignal,
): Promise<Picture> {
  const reply = await client.txn({ success: look(ranges) }, { signal });
  return pictureOf(reply.results, reply.header.revision);
}

/** Whoever waits already does not give up because nobody answers for a while. */
async function takenAtLast(
  client: Client,
  ranges: readonly Selector[],
  signal: AbortSignal,
): Promise<Picture> {
  for (;;) {
    try {
      return await taken(client, ranges, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LockstepError && error.retryable)) throw error;
    }
    await pause(client.clock, lookAgainMs, signal);
  }
}
