import { limits, type MethodName, type Once } from '@lockstep/client/protocol';

/** The methods whose params take a {@link Once}. */
const onceMethods: ReadonlySet<MethodName> = new Set([
  'kv.put',
  'kv.deleteRange',
  'kv.txn',
  'kv.compact',
  'lease.grant',
  'lease.revoke',
]);

export function takesOnce(method: MethodName): boolean {
  return onceMethods.has(method);
}

/** A change's number under the id that the cluster gave this client. */
export interface Ticket {
  readonly ledger: Ledger;
  readonly sequence: number;
}

/**
 * The changes made under one client id. A number is given once and never again. Only so many are
 * open at a time that the cluster still keeps the answer of each, and of every one after the lowest.
 */
export class Ledger {
  readonly clientId: string;
  #next = 1;
  /** Given and not yet settled, in ascending order since numbers are given in order. */
  readonly #open = new Set<number>();

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  /** The next number; undefined while the cluster could not keep one more answer. */
  issue(): Ticket | undefined {
    if (this.#next - this.#lowestOpen() >= limits.onceRepliesMax) return undefined;
    const sequence = this.#next++;
    this.#open.add(sequence);
    return { ledger: this, sequence };
  }

  /** Its answer is here, or nobody waits for it any more: the cluster need not keep it. */
  settle({ sequence }: Ticket): void {
    this.#open.delete(sequence);
  }

  once({ sequence }: Ticket): Once {
    return { clientId: this.clientId, sequence, ackedBelow: this.#lowestOpen() };
  }

  #lowestOpen(): number {
    for (const sequence of this.#open) return sequence;
    return this.#next;
  }
}

/** Longer than what {@link withOnce} adds. */
export const onceBytesMax = 160;

/** The request frame with `once` as the last of its params, without encoding the rest again. */
export function withOnce(frame: string, { ledger, sequence }: Ticket): string {
  const once = JSON.stringify(ledger.once({ ledger, sequence }));
  const comma = frame.endsWith('{}}') ? '' : ',';
  return `${frame.slice(0, -2)}${comma}"once":${once}}}`;
}
