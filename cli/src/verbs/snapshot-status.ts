import { byteCount, hexHash } from '../byte-count.ts';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { table } from '../table.ts';

/** `snapshot status FILE`: verifies all of it, and says what it holds. */
export async function snapshotStatus({ io, output }: Context, file: string): Promise<number> {
  const { backupStatus } = await import('@lockstep/server/backup');
  const status = backupStatus(file);
  const { hash, revision, keys, bytes } = status;
  const cells = [hexHash(hash), String(revision), String(keys), byteCount(bytes)];
  if (output === 'json') await print(io, json(status));
  else if (output === 'table') await print(io, await table(io, heading, [cells]));
  else await print(io, `${cells.join(', ')}\n`);
  return 0;
}

const heading = ['hash', 'revision', 'total keys', 'total size'];
