import { type Client, pause } from '@lockstep/client';
import { FleetClock } from './fleet-clock.ts';
import { FleetFeed } from './fleet-feed.ts';
import type { Block, Circumstances } from './policy/blocks.ts';
import { whyNot } from './policy/decision.ts';
import type { Fleet } from './policy/fleet.ts';
import { FleetKeys } from './policy/keys.ts';

export interface FleetViewOptions {
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
}

/** How often the store is asked whether it answers. */
const contactEveryMs = 5_000;

/** A fleet as it is, for those who only look: it follows the records and decides nothing. */
export class FleetView {
  readonly #client: Client;
  readonly #keys: FleetKeys;
  readonly #feed: FleetFeed;
  readonly #clock: FleetClock;
  #contactAt: number | undefined;

  constructor(client: Client, { fleet }: FleetViewOptions = {}) {
    this.#client = client;
    this.#keys = new FleetKeys(fleet);
    this.#feed = new FleetFeed(client, this.#keys);
    this.#clock = new FleetClock(client);
  }

  /** Undefined until it was read for the first time, and while it is read anew. */
  get fleet(): Fleet | undefined {
    return this.#feed.revision === 0 ? undefined : this.#feed.fleet;
  }

  /** The time and the clocks. Nothing is known of the store's members here. */
  get circumstances(): Circumstances {
    return this.#clock.circumstances();
  }

  /** How long ago the store last answered, with a quorum behind it, in milliseconds; undefined before it first did. */
  get contactAgeMs(): number | undefined {
    return this.#contactAt === undefined ? undefined : this.#client.clock.now() - this.#contactAt;
  }

  /** Everything in the way of a waiting host, its own reasons first; undefined when it does not wait, or is not known. */
  whyNot(id: string): readonly Block[] | undefined {
    const { fleet } = this;
    const host = fleet?.hosts.get(id);
    if (fleet === undefined || host?.record.state !== 'waiting') return undefined;
    return whyNot(fleet, id, this.circumstances);
  }

  /** Follows until the signal aborts. @throws ClosedError when the client is closed; never the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const asking = this.#askForContact(signal);
    const keeping = this.#clock.keep(signal);
    try {
      await this.#feed.follow(() => this.#touch(), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await Promise.all([asking, keeping]);
  }

  async #askForContact(signal: AbortSignal): Promise<void> {
    const { clock } = this.#client;
    while (!signal.aborted) {
      const asked = clock.now();
      await this.#client.get(this.#keys.guard, { signal }).then(
        () => this.#touch(asked),
        () => {}, // That there is no answer is what the age tells.
      );
      await pause(clock, contactEveryMs, signal);
    }
  }

  #touch(at: number = this.#client.clock.now()): void {
    this.#contactAt = Math.max(this.#contactAt ?? 0, at);
  }
}
