import { TableError } from '@lockstep/client/protocol';
import { Writer } from '../core/base/codec.ts';
import { crc32c } from '../core/base/crc32c.ts';
import type { KeyValue } from '../core/mvcc/key-value.ts';
import { writeKeyValue } from '../core/mvcc/request-codec.ts';
import type { StoreView } from '../core/mvcc/view.ts';
import type { Member } from './member.ts';

/** Pairs that one turn hashes, and bytes of values after which it ends earlier. */
const pairsPerTurn = 500;
const bytesPerTurn = 256 * 1024;

/** The checksum of what a view shows up to `revision`, in slices. Ends with the view. */
export async function hashHistory(
  member: Pick<Member, 'pause' | 'running'>,
  view: StoreView,
  revision: number,
): Promise<number> {
  let hash = 0;
  let writer = new Writer(4096);
  let pairs = 0;
  const take = (): void => {
    const bytes = writer.finish();
    hash = crc32c(bytes, 0, bytes.length, hash);
    writer = new Writer(4096);
    pairs = 0;
  };
  try {
    for (const kv of shownUpTo(view, revision)) {
      writeKeyValue(writer, kv);
      if (++pairs < pairsPerTurn && writer.length < bytesPerTurn) continue;
      take();
      await new Promise<void>((resolve) => member.pause(resolve));
      if (!member.running) throw new TableError('server_stopped');
    }
    take();
    return hash;
  } finally {
    view.release();
  }
}

function* shownUpTo(view: StoreView, revision: number): Generator<KeyValue> {
  yield* view.base();
  for (const kv of view.events()) {
    if (kv.modRevision > revision) return;
    yield kv;
  }
}
