import { type CallOptions, type Client, pause } from '@lockstep/client';
import type { Circumstances } from './policy/blocks.ts';

/** How far this machine's clock may be from the member's before nobody trusts either. */
const apartMsMax = 60_000;
const syncEveryMs = 60_000;

/**
 * The members' time: so that a host whose own clock is wrong stamps nothing wrongly and opens no window. Between two looks at it
 * time goes by this machine's monotonic clock, which nobody sets.
 */
export class FleetClock {
  readonly #client: Client;
  #ahead: number | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Milliseconds since 1970 on the members' clock. This machine's own until the first {@link sync}. */
  now(): number {
    const { clock } = this.#client;
    return Math.round(this.#ahead === undefined ? clock.wall() : clock.now() + this.#ahead);
  }

  /** Whether a member has told its time. */
  get isKnown(): boolean {
    return this.#ahead !== undefined;
  }

  /** Why windows should not be decided by it; undefined when two clocks agree. */
  get fault(): string | undefined {
    if (this.#ahead === undefined) return 'no member has told its time yet';
    const apart = this.#client.clock.wall() - this.now();
    if (Math.abs(apart) <= apartMsMax) return undefined;
    const seconds = Math.round(Math.abs(apart) / 1000);
    return `the clock of this machine is ${seconds} s ${apart > 0 ? 'ahead of' : 'behind'} the member's; set both right`;
  }

  /** What is decided by, beside the records: the time, and why it or the members are not to be relied on. */
  circumstances(memberFault?: string): Circumstances {
    const { fault } = this;
    return {
      now: this.now(),
      ...(fault === undefined ? {} : { clockFault: fault }),
      ...(memberFault === undefined ? {} : { memberFault }),
    };
  }

  /** Asks a member for its time. @throws what a call can end in. */
  async sync(options: CallOptions = {}): Promise<void> {
    const { clock } = this.#client;
    const asked = clock.now();
    const { timeMs } = await this.#client.status(undefined, options);
    this.#ahead = timeMs - (asked + clock.now()) / 2;
  }

  /** Asks again every minute, until the signal aborts. Never rejects: without an answer time goes on as it was. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sync({ signal }).catch(() => {});
      await pause(this.#client.clock, syncEveryMs, signal);
    }
  }
}
