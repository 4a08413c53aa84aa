import type { Client, MemberInfo, StatusResult } from '@lockstep/client';
import { MemberClock } from './member-clock.ts';
import { failureText } from './wording.ts';

/** The member this page is of, and what it knows of the others. */
export class ClusterBoard {
  readonly clock = new MemberClock();
  readonly #client: Client;
  readonly #changed: () => void;
  #status: StatusResult | undefined;
  #members: readonly MemberInfo[] = [];
  #fault: string | undefined;

  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  get status(): StatusResult | undefined {
    return this.#status;
  }

  get members(): readonly MemberInfo[] {
    return this.#members;
  }

  get leader(): MemberInfo | undefined {
    return this.#members.find(({ memberId }) => memberId === this.#status?.leaderId);
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  /** Asks anew. Never rejects. */
  async refresh(): Promise<void> {
    // Without a leader the members cannot be asked for, and the status says so all the same.
    const [status, members] = await Promise.allSettled([
      this.clock.ask(() => this.#client.status()),
      this.#client.members(),
    ]);
    if (status.status === 'fulfilled') this.#status = status.value;
    if (members.status === 'fulfilled') {
      this.#members = members.value.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    }
    this.#fault = status.status === 'rejected' ? failureText(status.reason) : undefined;
    this.#changed();
  }
}
