import { type Client, pause } from '@lockstep/client';
import type { FleetClock } from './fleet-clock.ts';
import { FleetFeed } from './fleet-feed.ts';
import { MemberLook, memberLookMs } from './member-health.ts';
import { News } from './news.ts';
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
  const news = new News();
  let failure: { readonly error: unknown } | undefined;
  const following = feed
    .follow(() => news.tell(), signal)
    .catch((error: unknown) => {
      failure = { error };
      news.tell();
    });
  const keeping = clock.keep(signal);
  const members = new MemberLook(client);
  try {
    for (;;) {
      options.signal.throwIfAborted();
      const ms = feed.revision === 0 ? memberLookMs : Math.max(atMostMs - atLeastMs, 1);
      await news.wait(client.clock, ms, options.signal);
      options.signal.throwIfAborted();
      if (failure !== undefined) throw failure.error;
      news.clear();
      if (feed.revision === 0) continue;
      const memberFault = await members.faultFor(feed.fleet, signal);
      yield statusOf(feed.fleet, clock.circumstances(memberFault));
      await pause(client.clock, atLeastMs, signal);
    }
  } finally {
    over.abort();
    await Promise.all([following, keeping]);
  }
}
