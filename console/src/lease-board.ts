import type { Client, LeaseInfo } from '@lockstep/client';
import type { ByteString, LeaseId } from '@lockstep/client/protocol';
import { bytesOf, failureText } from './wording.ts';

/** So many leases are asked for in a round; of the others only the number is known. */
export const leasesShown = 100;

export interface ShownLease {
  readonly id: LeaseId;
  readonly grantedSeconds: number;
  readonly keys: readonly ByteString[];
  /** By the clock of `performance.now()`, in milliseconds. */
  readonly endsAt: number;
}

/** The leases of the cluster, as of the last round of asking. */
export class LeaseBoard {
  readonly #client: Client;
  readonly #changed: () => void;
  #leases: readonly ShownLease[] | undefined;
  #total = 0;
  #fault: string | undefined;
  #asked: LeaseId | undefined;
  #revokeFault: string | undefined;

  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Undefined before the first round. Those that end first come first. */
  get leases(): readonly ShownLease[] | undefined {
    return this.#leases;
  }

  get total(): number {
    return this.#total;
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  /** The lease whose revoking waits for a confirmation. */
  get asked(): LeaseId | undefined {
    return this.#asked;
  }

  get revokeFault(): string | undefined {
    return this.#revokeFault;
  }

  ask(id: LeaseId | undefined): void {
    this.#asked = id;
    this.#revokeFault = undefined;
    this.#changed();
  }

  /** Reads all anew. Never rejects. */
  async refresh(): Promise<void> {
    try {
      const ids = await this.#client.leases.list();
      const found = await Promise.all(
        ids.slice(0, leasesShown).map((id) => this.#client.leases.timeToLive(id, { keys: true })),
      );
      this.#total = ids.length;
      this.#leases = found
        .flatMap((lease) => (lease === undefined ? [] : [shown(lease)]))
        .toSorted((a, b) => a.endsAt - b.endsAt);
      this.#fault = undefined;
    } catch (error) {
      this.#fault = failureText(error);
    }
    this.#changed();
  }

  /** Ends the lease that was asked about, and with it its keys. Never rejects. */
  async revoke(): Promise<void> {
    const id = this.#asked;
    if (id === undefined) return;
    try {
      await this.#client.leases.revoke(id);
      this.#asked = undefined;
    } catch (error) {
      this.#revokeFault = failureText(error);
    }
    await this.refresh();
  }
}

function shown({ id, ttl, grantedTtl, keys }: LeaseInfo): ShownLease {
  const endsAt = performance.now() + ttl * 1000;
  return { id, grantedSeconds: grantedTtl, keys: keys.map(bytesOf), endsAt };
}
