import { setTimeout as sleep } from 'node:timers/promises';
import { Client, LockstepError, type Watch, WatchCompactedError } from '@lockstep/client';
import { Random } from '../../server/src/core/base/random.ts';
import type { History, WatchedEvent, WatcherRecord, WatchSession } from '../checkers/history.ts';
import { everything } from './asks.ts';
import { pairOf } from './calls.ts';

type Wish = Omit<WatcherRecord, 'sessions' | 'name'>;

const progressEveryMs = 500;
const againMs = 50;

export interface WatchersOptions {
  readonly endpoints: readonly string[];
  /** The member behind an endpoint. */
  readonly nameOf: (endpoint: string) => string;
  readonly seed: number;
  readonly history: History;
}

/** What wandering watchers look at. */
const wishes: readonly Wish[] = [
  { ...everything, prevKv: true },
  { key: 'k/', rangeEnd: 'k0', prevKv: true, only: 'puts' },
  { key: 'k/', rangeEnd: 'k0', prevKv: false, only: 'deletes' },
  { key: 'l/', rangeEnd: 'l0', prevKv: true },
  { key: 'k/03', prevKv: true },
];

/** One user of a watch, through lost members and compactions. */
class Watcher {
  readonly record: WatcherRecord;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** The revision that it has to be told next. */
  #next = 1;
  #watch: Watch | undefined;

  constructor(
    record: WatcherRecord,
    run: (watcher: Watcher, signal: AbortSignal) => Promise<void>,
  ) {
    this.record = record;
    this.#running = run(this, this.#stopping.signal);
  }

  /** Everything up to this revision was told. */
  get told(): number {
    return this.#next - 1;
  }

  /** Watches through `client` until that ends, or `until` aborts. */
  async session(client: Client, member: string, until: AbortSignal): Promise<void> {
    const { key, rangeEnd, prevKv, only, sessions } = this.record;
    const session: WatchSession = { member, from: this.#next, items: [] };
    sessions.push(session);
    const keys = rangeEnd === undefined ? { key } : { key, rangeEnd };
    const watch = client.watch({
      ...keys,
      startRevision: this.#next,
      prevKv,
      noPut: only === 'deletes',
      noDelete: only === 'puts',
      progressNotify: true,
    });
    this.#watch = watch;
    const close = (): void => watch.close();
    until.addEventListener('abort', close, { once: true });
    if (until.aborted) close();
    try {
      await this.#take(watch, session);
      session.items.push({ type: 'ended', reason: 'closed' });
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      const isOvertaken = error instanceof WatchCompactedError;
      const resume = isOvertaken ? { resumeAt: error.resumeRevision } : {};
      session.items.push({ type: 'ended', reason: error.code, ...resume });
      if (isOvertaken) this.#next = error.resumeRevision;
    } finally {
      until.removeEventListener('abort', close);
      this.#watch = undefined;
    }
  }

  async #take(watch: Watch, { items }: WatchSession): Promise<void> {
    for await (const item of watch.items()) {
      // It speaks of what was there when the watch began, and may come behind newer events.
      if (item.type === 'synced') continue;
      const { revision } = item;
      if (item.type === 'events') {
        const events = item.events.map(({ type, kv, prevKv }): WatchedEvent => {
          const prev = prevKv === undefined ? {} : { prev: pairOf(prevKv) };
          return { type, pair: pairOf(kv), ...prev };
        });
        items.push({ type: 'events', revision, events });
      } else items.push({ type: 'progress', revision });
      this.#next = Math.max(this.#next, revision + 1);
    }
  }

  /** Has the member say how far it has looked, if there is one. */
  async askProgress(): Promise<void> {
    // No member runs it at this moment: it is asked again soon.
    await this.#watch?.requestProgress().catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}

/** Watchers of all kinds, that go on on other members where they have to stop. */
export class Watchers {
  readonly all: readonly Watcher[];
  readonly #options: WatchersOptions;
  readonly #progress: NodeJS.Timeout;

  constructor(options: WatchersOptions) {
    this.#options = options;
    const { endpoints, history, seed } = options;
    const steady = endpoints.map((endpoint, at) => {
      const name = `watcher that began at ${options.nameOf(endpoint)}`;
      const record = history.watcher({ name, ...everything, prevKv: true });
      return new Watcher(record, (watcher, signal) => this.#steady(watcher, at, signal));
    });
    const wandering = wishes.map((wish, at) => {
      const record = history.watcher({ name: `wanderer ${at + 1}`, ...wish });
      const random = new Random(seed * 1_000 + 500 + at);
      return new Watcher(record, (watcher, signal) => this.#wander(watcher, random, signal));
    });
    this.all = [...steady, ...wandering];
    this.#progress = setInterval(() => {
      for (const watcher of this.all) watcher.askProgress().catch(() => {});
    }, progressEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#progress);
    await Promise.all(this.all.map((watcher) => watcher.stop()));
  }

  /** Leaves it to the client to go on elsewhere; only a compaction ends a session. */
  async #steady(watcher: Watcher, at: number, signal: AbortSignal): Promise<void> {
    const { endpoints } = this.#options;
    const own = [...endpoints.slice(at), ...endpoints.slice(0, at)];
    const client = new Client({ endpoints: own, learnEndpoints: false });
    while (!signal.aborted) {
      await watcher.session(client, 'any', signal);
      await rest(againMs, signal);
    }
    await client.close({ drainMs: 0 });
  }

  /** Stays with one member for a while, or until the connection is lost, then goes on at another one. */
  async #wander(watcher: Watcher, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const endpoint = random.pick(this.#options.endpoints);
      const client = new Client({ endpoints: endpoint, learnEndpoints: false });
      const leave = new AbortController();
      const stays = AbortSignal.any([signal, leave.signal]);
      const done = Promise.race([rest(500 + random.below(4_000), stays), lost(client, stays)]);
      const left = done.then(() => leave.abort());
      await watcher.session(client, this.#options.nameOf(endpoint), stays);
      leave.abort();
      await left;
      await client.close({ drainMs: 0 });
      // Long enough, sometimes, for a compaction to overtake it.
      await rest(random.oneIn(5) ? 3_000 : againMs, signal);
    }
  }
}

/** Resolves when a connection that was there is no longer. */
async function lost(client: Client, signal: AbortSignal): Promise<void> {
  let wasThere = false;
  try {
    for await (const { state } of client.connections({ signal })) {
      if (wasThere && state !== 'connected') return;
      wasThere ||= state === 'connected';
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  // An abort is a reason to go on.
  await sleep(ms, undefined, { signal }).catch(() => {});
}
