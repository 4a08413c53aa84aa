import { type Compare, compare, op, pause, Session } from '@lockstep/client';
import { HostRefusedError } from '../errors.ts';
import type { Ledger } from '../ledger.ts';
import { readAlive } from '../policy/shapes.ts';

export interface Claim {
  readonly id: string;
  readonly group: string;
  readonly bootId: string;
  /** One run of the agent. */
  readonly instance: string;
  /** In seconds: after so long without a sign of life a host counts as down. */
  readonly ttl: number;
}

/** That this agent speaks for its host; no other one does meanwhile. */
export class Identity {
  readonly session: Session;
  /** True while this agent speaks for the host: a condition of everything it writes. */
  readonly isOurs: Compare;

  constructor(session: Session, isOurs: Compare) {
    this.session = session;
    this.isOurs = isOurs;
  }

  get lost(): AbortSignal {
    return this.session.lost;
  }

  /** The host goes down, or the agent ends: whoever speaks for it next need not wait. */
  async giveUp(): Promise<void> {
    await this.session.close().catch(() => {});
  }
}

const lookMs = 1_000;

/**
 * Takes the place of whoever spoke for the host before. An earlier run on the same boot is replaced at once; one of another
 * boot is waited for, since its sign of life ends by itself when that boot is over.
 * @throws HostRefusedError when another machine that lives uses the same id; the signal's reason; what a call can end in.
 */
export async function claimIdentity(
  ledger: Ledger,
  claim: Claim,
  signal: AbortSignal,
): Promise<Identity> {
  const { client } = ledger;
  const session = await Session.open(client, { ttl: claim.ttl, signal });
  try {
    const isOurs = await claimed(ledger, claim, { session, signal });
    return new Identity(session, isOurs);
  } catch (error) {
    await session.close().catch(() => {});
    throw error;
  }
}

interface Attempt {
  readonly session: Session;
  readonly signal: AbortSignal;
}

async function claimed(
  ledger: Ledger,
  claim: Claim,
  { session, signal }: Attempt,
): Promise<Compare> {
  const { client, keys, clock } = ledger;
  const key = keys.alive(claim.id);
  const { bootId, instance } = claim;
  const giveUpAt = client.clock.now() + 2 * claim.ttl * 1000;
  for (;;) {
    signal.throwIfAborted();
    session.assertValid();
    const there = await client.get(key, { signal });
    if (there === undefined || isOwn(there.value, bootId)) {
      const revision = there?.modRevision ?? 0;
      const reply = await client.txn(
        {
          compare: [compare.modRevision(key, '=', revision)],
          success: [op.put(key, JSON.stringify({ bootId, instance }), { lease: session.leaseId })],
        },
        { signal },
      );
      if (reply.succeeded) return compare.modRevision(key, '=', reply.header.revision);
      continue;
    }
    if (client.clock.now() > giveUpAt) {
      const reason = `boots ${readAlive(there.value).bootId} and ${bootId} are both alive`;
      const at = clock.now();
      const { id: host, group } = claim;
      const entry = { kind: 'id in use twice', at, by: 'agent', host, group, reason } as const;
      await client.txn({ success: [ledger.entry(entry)] }, { signal });
      throw new HostRefusedError(
        `the id ${claim.id} is in use by another machine that lives (${reason}); give this one an id of its own: a new /etc/machine-id, or --id`,
      );
    }
    await pause(client.clock, lookMs, signal);
  }
}

/** What is written there under another boot id may be this host's last boot, or another machine. */
function isOwn(text: string, bootId: string): boolean {
  try {
    return readAlive(text).bootId === bootId;
  } catch {
    return true;
  }
}
