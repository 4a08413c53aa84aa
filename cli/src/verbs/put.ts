import type { PutReply } from '@lockstep/client';
import { UsageError } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { type PutOptions, putOptions } from '../key-verbs.ts';
import { json, refuseTable, written } from '../output.ts';
import { withClient } from '../session.ts';

/** `put KEY [VALUE]`: without a value, it is what standard input gives, byte for byte. */
export async function put(
  context: Context,
  key: string,
  value: string | undefined,
  options: PutOptions,
): Promise<number> {
  refuseTable(context, 'put');
  const { ignoreValue, ...rest } = putOptions(options, value !== undefined);
  const bytes = ignoreValue ? undefined : (value ?? (await readAll(context)));
  return withClient(context, async (client) => {
    const reply: PutReply =
      bytes === undefined
        ? await client.put(key, undefined, { ...rest, ignoreValue: true })
        : await client.put(key, bytes, rest);
    await print(context.io, context.output === 'json' ? json(reply) : written(reply));
    return 0;
  });
}

const inputBytesMax = 4 * 1024 * 1024;

async function readAll({ io }: Context): Promise<Uint8Array> {
  if (io.stdin.isTTY === true) warn(io, 'reading the value from the keyboard; Ctrl-D ends it');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    if (size > inputBytesMax) {
      throw new UsageError('the value is too large: a key and its value may have 1.5 MiB together');
    }
  }
  return Buffer.concat(chunks);
}
