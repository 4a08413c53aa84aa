import type { Client } from '@lockstep/client';
import type { Election, Leader } from '@lockstep/election';
import type { Ends } from './turmoil.ts';

/** A candidate as `etcdctl elect` writes it: the lease in hex, and no record. */
export async function rawCandidate(
  client: Client,
  name: string,
  value: string,
): Promise<{ readonly key: string; readonly lease: string }> {
  const { id: lease } = await client.leases.grant({ ttl: 60 });
  const key = `${name}/${BigInt.asUintN(64, BigInt(lease)).toString(16)}`;
  await client.put(key, value, { lease });
  return { key, lease };
}

/** What an observer is told, in order, as values; "nobody" when nobody leads. */
export class Observer {
  readonly seen: string[] = [];
  readonly leaders: (Leader | undefined)[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(ends: Ends, election: Election) {
    this.ended = this.#run(election);
    ends.after(() => this.#stop.abort());
  }

  async #run(election: Election): Promise<void> {
    try {
      for await (const leader of election.observe({ signal: this.#stop.signal })) {
        this.leaders.push(leader);
        this.seen.push(leader === undefined ? 'nobody' : leader.value);
      }
    } catch {
      // Its cluster or its test has ended.
    }
  }
}

/** A promise, and how to settle it from outside. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
