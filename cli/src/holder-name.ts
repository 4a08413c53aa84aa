import type { LockHolder } from '@lockstep/locks';
import { printable } from './printable.ts';

/** A holder for people. Another program may have written anything, and a terminal would do what it says. */
export function holderName({ identity, lease }: Pick<LockHolder, 'identity' | 'lease'>): string {
  return identity === '' ? `the owner of lease ${lease}` : printable(Buffer.from(identity));
}
