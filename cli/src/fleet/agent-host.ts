import type { Client } from '@lockstep/client';
import { type KeyCheck, LinuxHost } from '@lockstep/reboot-coordinator/node';
import type { Context } from '../io.ts';
import type { AgentWish } from './agent-options.ts';
import { safe } from './host-text.ts';

/** This host, as an agent was told to see it; its checks of keys ask the store. */
export function agentHost(
  { io }: Context,
  { id, host, sources }: Pick<AgentWish, 'id' | 'host' | 'sources'>,
  { client, log }: { readonly client: Client; readonly log: (line: string) => void },
): LinuxHost {
  const keyCheck: KeyCheck = async (key, signal) => {
    const kv = await client.get(key.replaceAll('{id}', id), { signal });
    return kv === undefined ? { isGreen: false, why: 'there is no such key' } : { isGreen: true };
  };
  return new LinuxHost({
    ...host,
    ...(sources === undefined ? {} : { sources }),
    keyCheck,
    env: { ...io.env },
    log: (line) => log(safe(line)),
  });
}
