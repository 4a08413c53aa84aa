import type { CallOptions, Compare } from '@lockstep/client';
import type { Ghost } from './ghosts.ts';
import type { Place, Spot } from './place.ts';

/** What somebody who wants a lock asks for: a spot in its queue, and what its turn takes. */
export interface Claim extends Spot {
  /** The lock's name, for messages. */
  readonly name: string;
  /** Which lock it is, among those of all kinds: both sides of a readers-writer lock are one. */
  readonly lock: string;
  /** Whose places of earlier sessions are to be removed first. */
  readonly ghost?: Ghost | undefined;
  /**
   * Conditions under which a place that is taken now has its turn at once; undefined when it would have to wait.
   * @throws what is wrong with the claim itself.
   */
  free(call: CallOptions): Promise<readonly Compare[] | undefined>;
  /** Waits for what is still missing when nobody is before the place any more; `queued` is told when something is. */
  admit?(place: Place, signal: AbortSignal, queued: () => void): Promise<void>;
  /** The condition that the place still gives what was claimed, if that is more than that it is still taken. */
  guard?(place: Place): Compare;
}

/** Under which a lock keeps its claims from sight: they are for `AllOf`. */
export const claimsOf: unique symbol = Symbol('claims');
