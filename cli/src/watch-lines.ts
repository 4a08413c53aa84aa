import type { KeyValue, WatchBatch } from '@lockstep/client';
import { coloursOf } from './colours.ts';
import type { Io } from './io.ts';
import { lines, pair } from './output.ts';

/** Type, then the pair before (if it was asked for), then the pair, as etcdctl shows events. */
export function watchLines(
  io: Io,
  { events }: Pick<WatchBatch, 'events'>,
  keysOnly = false,
): Uint8Array {
  const { green, red } = coloursOf(io);
  const one = (kv: KeyValue): Uint8Array => (keysOnly ? lines([kv.keyBytes]) : pair(kv));
  return Buffer.concat(
    events.flatMap(({ type, kv, prevKv }) => [
      lines([type === 'put' ? green('PUT') : red('DELETE')]),
      ...(prevKv === undefined ? [] : [one(prevKv)]),
      one(kv),
    ]),
  );
}
