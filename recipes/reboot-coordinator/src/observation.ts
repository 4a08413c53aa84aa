import { type Client, pause } from '@lockstep/client';
import type { FleetClock } from './fleet-clock.ts';
import { FleetFeed } from './fleet-feed.ts';
import { memberFaultOf } from './member-health.ts';
import type { Fleet } from './policy/fleet.ts';
import type { FleetKeys } from './policy/keys.ts';
import { type FleetStatus, statusOf } from './policy/status.ts';

export interface ObserveOptions {
  readonly signal: AbortSignal;
  /** Not sooner after the last status, whatever happens. Default 500. */
  readonly atLeastMs?: number;
  /** Not later, even if nothing happens: windows open by the time alone. Default 2,000. */
  readonly atMostMs?: number;
}

interface Place {
  readonly client: Client;
  readonly keys: FleetKeys;
  readonly clock: FleetClock;
}

const memberLookMs = 5_000;

/**
 * The status of a fleet as it changes: the records are followed and not read again. What happens between two is told
 * by the later one.
 * @throws what ends a watch; the signal's reason.
 */
export async function* observeFleet(
  { client, keys, clock }: Place,
  options: ObserveOptions,
): AsyncGenerator<FleetStatus, never> {
  const { atLeastMs = 500, atMostMs = 2_000 } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const feed = new FleetFeed(client, keys);
  let hasNews = false;
  let wake = (): void => {};
  const following = feed.follow(() => {
    hasNews = true;
    wake();
  }, signal);
  let failure: { readonly error: unknown } | undefined;
  following.catch((error: unknown) => {
    failure = { error };
    wake();
  });
  const stop = (): void => wake();
  options.signal.addEventListener('abort', stop);
  const keeping = clock.keep(signal);
  const members = new MemberLook(client);
  try {
    for (;;) {
      options.signal.throwIfAborted();
      if (!hasNews || feed.revision === 0) {
        const woken = new AbortController();
        wake = () => woken.abort();
        const ms = feed.revision === 0 ? memberLookMs : atMostMs - atLeastMs;
        await pause(client.clock, Math.max(ms, 1), woken.signal);
      }
      options.signal.throwIfAborted();
      if (failure !== undefined) throw failure.error;
      if (feed.revision === 0) continue;
      hasNews = false;
      const memberFault = await members.faultFor(feed.fleet, signal);
      const { fault } = clock;
      yield statusOf(feed.fleet, {
        now: clock.now(),
        ...(fault === undefined ? {} : { clockFault: fault }),
        ...(memberFault === undefined ? {} : { memberFault }),
      });
      await pause(client.clock, atLeastMs, signal);
    }
  } finally {
    over.abort();
    options.signal.removeEventListener('abort', stop);
    await Promise.all([following.catch(() => {}), keeping]);
  }
}

/** Members are looked at only while a host with one of them waits. */
class MemberLook {
  readonly #client: Client;
  #last: { readonly at: number; readonly fault: string | undefined } | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  async faultFor(fleet: Fleet, signal: AbortSignal): Promise<string | undefined> {
    if (![...fleet.members.values()].some(({ record }) => record.state === 'waiting')) return;
    const at = this.#client.clock.now();
    if (this.#last === undefined || at - this.#last.at >= memberLookMs) {
      this.#last = { at, fault: await memberFaultOf(this.#client, { signal }) };
    }
    return this.#last.fault;
  }
}
