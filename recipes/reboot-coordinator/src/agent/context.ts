import type { Ledger } from '../ledger.ts';
import type { HostRecord } from '../policy/records.ts';
import type { AgentSettings } from './agent.ts';
import type { HookFacts } from './host.ts';
import type { Identity } from './identity.ts';
import type { OwnRecord } from './own-record.ts';

/** What the parts of an agent share while it speaks for its host. */
export interface AgentContext {
  readonly record: OwnRecord;
  readonly identity: Identity;
  readonly ledger: Ledger;
  readonly settings: AgentSettings;
  /** Of this boot. */
  readonly bootId: string;
  readonly version: string;
  /** Aborts when the agent is to end, or no longer speaks for the host. */
  readonly until: AbortSignal;
  /** Aborts when the agent is to end. */
  readonly ended: AbortSignal;
}

export function factsOf(record: HostRecord): HookFacts {
  const { id, group, grant, request } = record;
  return { id, group, grant: grant?.id ?? '', reason: request?.reason ?? '' };
}
