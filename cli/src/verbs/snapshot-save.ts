import { constants, existsSync } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { byteCount, hexHash } from '../byte-count.ts';
import { type Context, print, warn } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { withClient } from '../session.ts';

export interface SaveOptions {
  readonly force?: boolean;
  readonly serializable?: boolean;
}

/** `snapshot save FILE`: written aside, verified as it arrives, synced, then given its name. */
export async function snapshotSave(
  context: Context,
  file: string,
  options: SaveOptions,
): Promise<number> {
  refuseTable(context, 'snapshot save');
  if (options.force !== true && existsSync(file)) throw alreadyThere(file);
  const { io, output } = context;
  const { BackupDecoder } = await import('@lockstep/server/backup');
  const aside = `${file}.${process.pid}.part`;
  const handle = await open(
    aside,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    0o600,
  );
  const giveUp = new AbortController();
  const release = io.onStop(() => giveUp.abort(new Error('stopped; no file was written')));
  try {
    const decoder = new BackupDecoder(file);
    const saved = await withClient(context, async (client) => {
      const { serializable = false } = options;
      const snapshot = await client.snapshot(undefined, { serializable, signal: giveUp.signal });
      let bytes = 0;
      for await (const piece of snapshot) {
        decoder.push(piece);
        await writeAll(handle, piece);
        bytes += piece.length;
      }
      decoder.finish();
      return { revision: snapshot.revision, bytes, endpoint: client.endpoint ?? '' };
    });
    await handle.sync();
    await handle.close();
    await name(aside, file, options.force === true);
    const line = `Saved revision ${saved.revision} of the member at ${saved.endpoint} as ${file}: ${byteCount(saved.bytes)}, hash ${hexHash(decoder.hash)}\n`;
    await print(io, output === 'json' ? json({ file, ...saved, hash: decoder.hash }) : line);
    return 0;
  } catch (error) {
    if (options.serializable !== true && codeOf(error) === 'no_leader') {
      warn(io, 'without a quorum, --serializable saves what this member has');
    }
    throw error;
  } finally {
    release();
    await handle.close().catch(() => {});
    await rm(aside, { force: true });
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at)).bytesWritten;
  }
}

/** Without force a file that came meanwhile is not replaced either: a link, unlike a new name, never does. */
async function name(aside: string, file: string, force: boolean): Promise<void> {
  if (force) await rename(aside, file);
  else {
    await link(aside, file).catch(async (error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw alreadyThere(file);
      // Some file systems have no links.
      await rename(aside, file);
    });
  }
  if (process.platform === 'win32') return;
  const directory = await open(dirname(resolve(file)), 'r');
  await directory.sync().finally(() => directory.close());
}

function alreadyThere(file: string): Error {
  return new Error(`${file} is there already: choose another name, or replace it with --force`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
