import type { Client } from '@lockstep/client';
import { Election } from '@lockstep/election';

export interface ElectedOptions {
  readonly signal: AbortSignal;
  /** Who this is, for `lockstep inspect election`. */
  readonly identity?: string;
  /** Of those that could do it, the highest does. Default 0. */
  readonly priority?: number;
}

/**
 * Does something whenever this process is the one that was elected to, until the signal aborts.
 * @param run ends when its signal aborts: the term, or all of it, is over.
 * @throws ClosedError when the client is closed; never the signal's reason.
 */
export async function whileElected(
  client: Client,
  office: string,
  options: ElectedOptions,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal, identity = '', priority = 0 } = options;
  const election = new Election(client, office, { identity, priority });
  try {
    await election.run((term) => run(AbortSignal.any([term.lost, signal])), { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
