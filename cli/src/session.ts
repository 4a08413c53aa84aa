import { Client } from '@lockstep/client';
import { type Context, warn } from './io.ts';
import { withPassword } from './password.ts';

const noticeAfterMs = 1_000;

/** Runs `use` with a client that is closed afterwards. */
export async function withClient<Result>(
  context: Context,
  use: (client: Client) => Promise<Result>,
  options: {
    readonly endpoints?: readonly string[];
    readonly learnEndpoints?: boolean;
    readonly exactlyOnce?: boolean;
  } = {},
): Promise<Result> {
  const { io, timeoutMs, endpoints } = context;
  const tls = context.tls();
  const auth = await withPassword(io, context.auth);
  const client = new Client({
    ...(tls === undefined ? {} : { tls }),
    endpoints: options.endpoints ?? endpoints,
    callTimeoutMs: timeoutMs,
    auth,
    // A command is over before the cluster's other addresses could be of use.
    learnEndpoints: options.learnEndpoints ?? false,
    // One change is not worth asking for a client id first; its fate may be unknown, with exit code 3.
    exactlyOnce: options.exactlyOnce ?? false,
  });
  const notice = setTimeout(() => {
    if (!client.isConnected && io.stderr.isTTY === true) {
      warn(io, `no member answers at ${endpoints.join(', ')} yet; trying for ${timeoutMs} ms`);
    }
  }, noticeAfterMs);
  try {
    return await use(client);
  } finally {
    clearTimeout(notice);
    await client.close();
  }
}
