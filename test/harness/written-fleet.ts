import type { Client } from '@lockstep/client';
import { FleetKeys, type HostRecord } from '@lockstep/reboot-coordinator';

/** A host's record as an agent could have written it, a minute ago. */
export async function writeHost(
  client: Client,
  record: Pick<HostRecord, 'id' | 'group'> & Partial<HostRecord>,
  { isAlive = true }: { readonly isAlive?: boolean } = {},
): Promise<void> {
  const keys = new FleetKeys();
  const since = Date.now() - 60_000;
  const whole: HostRecord = { via: 'agent', state: 'idle', since, bootId: 'boot-1', ...record };
  await client.put(keys.host(record.id), JSON.stringify(whole));
  const alive = JSON.stringify({ bootId: 'boot-1', instance: 'test' });
  if (isAlive) await client.put(keys.alive(record.id), alive);
}

/** What a host says that waits for a slot. */
export function waiting(reason: string): Pick<HostRecord, 'state' | 'request'> {
  return { state: 'waiting', request: { at: Date.now() - 60_000, reason, isAsking: true } };
}

/** What a host says that holds one, in a step. */
export function holding(
  id: string,
  state: HostRecord['state'],
): Pick<HostRecord, 'state' | 'request' | 'grant'> {
  const at = Date.now() - 120_000;
  return {
    state,
    request: { at, reason: 'a new kernel', isAsking: true },
    grant: { id, at, startBy: at + 300_000 },
  };
}

export async function readHost(client: Client, id: string): Promise<HostRecord | undefined> {
  const kv = await client.get(new FleetKeys().host(id));
  return kv === undefined ? undefined : (JSON.parse(kv.value) as HostRecord);
}
