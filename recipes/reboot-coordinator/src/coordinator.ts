import { type Client, compare, invalid, LockstepError, op, pause } from '@lockstep/client';
import { type ElectedOptions, whileElected } from './elected.ts';
import { FleetClock } from './fleet-clock.ts';
import { FleetFeed } from './fleet-feed.ts';
import { trimHistory } from './history.ts';
import { Ledger } from './ledger.ts';
import { asksForMember, MemberLook, memberLookMs } from './member-health.ts';
import { News } from './news.ts';
import type { Circumstances } from './policy/blocks.ts';
import { type Due, dueOf } from './policy/deadlines.ts';
import { decide, type Granting } from './policy/decision.ts';
import type { Fleet } from './policy/fleet.ts';
import { FleetKeys } from './policy/keys.ts';
import { granted } from './policy/slots.ts';

export interface CoordinatorOptions {
  /** The fleet's name in the store. Default `reboot`. */
  readonly fleet?: string;
  /** The rows of history that are kept. Default 10,000. */
  readonly historyMax?: number;
  /** Told of what went wrong and is tried again. */
  readonly onTrouble?: (message: string) => void;
}

const retryMs = 1_000;
/** However long nothing changes, the clock is looked at again after so long. */
const lookMsMax = 60_000;
const trimEvery = 100;
/** Others write rows too. */
const trimMsMax = 3_600_000;

/**
 * Grants slots: it follows the records of the fleet and writes what {@link decide} says. Any number may run at once, each
 * with its own view, and none is needed for safety: a grant is written only if nobody has granted anything, and nothing that
 * limits grants was changed, since the view it was decided from.
 *
 * Not promised: that a host which was granted a slot keeps to it, that is the agent's part.
 */
export class Coordinator {
  readonly #client: Client;
  readonly #ledger: Ledger;
  readonly #feed: FleetFeed;
  readonly #clock: FleetClock;
  readonly #keys: FleetKeys;
  readonly #members: MemberLook;
  readonly #historyMax: number;
  readonly #onTrouble: (message: string) => void;
  /** Nothing is decided from a view that is older than what was last written. */
  #writtenAt = 0;
  #entriesSinceTrim = trimEvery;
  #trimmedAt = 0;
  readonly #news = new News();
  #isRunning = false;

  /** @throws InvalidError when an option is wrong. */
  constructor(client: Client, options: CoordinatorOptions = {}) {
    const { fleet, historyMax = 10_000, onTrouble = () => {} } = options;
    if (!Number.isSafeInteger(historyMax) || historyMax < 1) {
      throw invalid(`historyMax is ${historyMax}; it must be a whole number above 0`);
    }
    this.#client = client;
    this.#keys = new FleetKeys(fleet);
    this.#clock = new FleetClock(client);
    this.#ledger = new Ledger(client, this.#keys, this.#clock);
    this.#feed = new FleetFeed(client, this.#keys);
    this.#members = new MemberLook(client);
    this.#historyMax = historyMax;
    this.#onTrouble = onTrouble;
  }

  /** The fleet as this coordinator sees it. */
  get fleet(): Fleet {
    return this.#feed.fleet;
  }

  /** What it decides by, beside the fleet. */
  get circumstances(): Circumstances {
    return this.#clock.circumstances(this.#members.fault);
  }

  /**
   * Coordinates until the signal aborts, through lost connections and restarts of the store.
   * @throws InvalidError when it runs already; ClosedError when the client is closed.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw invalid('this coordinator runs already');
    this.#isRunning = true;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    let failure: { readonly error: unknown } | undefined;
    const following = this.#feed
      .follow(() => this.#news.tell(), until)
      .catch((error: unknown) => {
        if (!until.aborted) failure = { error };
        over.abort(error);
      });
    const keeping = this.#clock.keep(until);
    try {
      while (!until.aborted) await this.#turn(until);
    } finally {
      over.abort();
      await Promise.all([following, keeping]);
      this.#isRunning = false;
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Does what is to be done now, and waits for news or for the next moment at which something is due. */
  async #turn(until: AbortSignal): Promise<void> {
    this.#news.clear();
    try {
      const waitMs = await this.#step(until);
      await this.#news.wait(this.#client.clock, waitMs, until);
    } catch (error) {
      if (until.aborted) return;
      if (!(error instanceof LockstepError)) throw error;
      this.#onTrouble(error.message);
      await pause(this.#client.clock, retryMs, until);
    }
  }

  /** @returns how long to wait for the next step if nothing happens. */
  async #step(signal: AbortSignal): Promise<number> {
    const { fleet, revision } = this.#feed;
    if (revision === 0 || revision < this.#writtenAt) return lookMsMax;
    if (this.#clock.fault !== undefined) await this.#clock.sync({ signal }).catch(() => {});
    if (!this.#clock.isKnown) return retryMs;
    await this.#members.faultFor(fleet, signal);
    const lookMs = asksForMember(fleet) ? memberLookMs : lookMsMax;
    const { now } = this.circumstances;
    // With clocks that disagree nobody is called late: a wrong one would open every breaker at once.
    const due = this.#clock.fault === undefined ? dueOf(fleet, now) : { now: [], next: undefined };
    if (due.now.length > 0) {
      for (const one of due.now) await this.#settle(one, revision, signal);
      return 0;
    }
    if (await this.#markBreakers(fleet, revision, signal)) return 0;
    const decision = decide(fleet, this.circumstances);
    if (decision.grants.length > 0) {
      await this.#grant(decision.grants, { fleet, seen: revision }, signal);
      return 0;
    }
    if (this.#entriesSinceTrim >= trimEvery || now - this.#trimmedAt >= trimMsMax) {
      this.#entriesSinceTrim = 0;
      this.#trimmedAt = now;
      await trimHistory(this.#client, this.#keys, this.#historyMax, { signal });
    }
    const next = Math.min(due.next ?? Infinity, decision.wakeAt ?? Infinity, now + lookMs);
    return Math.max(1, next - now);
  }

  /** Takes a slot back that was not used in time, or says that a host is overdue. */
  async #settle({ host, step }: Due, seen: number, signal: AbortSignal): Promise<void> {
    const outcome = await this.#ledger.write(host, step, { by: 'coordinator', signal });
    this.#entriesSinceTrim++;
    this.#wroteAt(outcome.isWritten ? outcome.revision : seen + 1);
  }

  /** A breaker that opens stays so, whatever becomes of the failures, and is told once. */
  async #markBreakers(fleet: Fleet, seen: number, signal: AbortSignal): Promise<boolean> {
    for (const group of fleet.groups.values()) {
      if (group.isBroken || !group.isBreakerOpen) continue;
      const reason = `${group.failures.size} failures: ${[...group.failures.values()].map(({ host, reason }) => `${host}: ${reason}`).join('; ')}`;
      const at = this.#clock.now();
      const entry = {
        kind: 'breaker open',
        at,
        by: 'coordinator',
        group: group.name,
        reason,
      } as const;
      const key = this.#keys.breaker(group.name);
      const reply = await this.#client.txn(
        {
          compare: [
            compare.missing(key),
            compare.exists({ prefix: this.#keys.failures(group.name) }),
          ],
          success: [op.put(key, JSON.stringify({ at, reason })), this.#ledger.entry(entry)],
        },
        { signal },
      );
      this.#wroteAt(reply.succeeded ? reply.header.revision : seen + 1);
      return true;
    }
    return false;
  }

  async #grant(
    grants: readonly Granting[],
    { fleet: { guard }, seen }: { readonly fleet: Fleet; readonly seen: number },
    signal: AbortSignal,
  ): Promise<void> {
    const keys = this.#keys;
    const at = this.#clock.now();
    const pace = JSON.stringify({ grantedAt: at });
    const groups = new Set(grants.map(({ host }) => host.record.group));
    const reply = await this.#client.txn(
      {
        compare: [
          compare.modRevision(keys.guard, '=', guard.revision),
          ...grants.map(({ host }) =>
            compare.modRevision(keys.host(host.record.id), '=', host.revision),
          ),
          // Whatever may forbid it is as it was seen: what was taken away since then can only allow more.
          ...[keys.groups, keys.pauses, keys.allFailures, keys.breakers].map((prefix) =>
            compare.modRevision({ prefix }, '<', seen + 1),
          ),
          compare.modRevision(keys.fleet, '<', seen + 1),
        ],
        success: [
          ...grants.flatMap(({ host, ...times }, index) => {
            const id = String(guard.grants + index + 1);
            const step = granted(host.record, { id, at, ...times });
            return this.#ledger.operations(step, { by: 'coordinator' });
          }),
          ...[...groups].map((group) => op.put(keys.pace(group), pace)),
          op.put(keys.fleetPace, pace),
          op.put(keys.guard, String(guard.grants + grants.length)),
        ],
      },
      { signal },
    );
    this.#wroteAt(reply.succeeded ? reply.header.revision : seen + 1);
    this.#entriesSinceTrim += grants.length;
  }

  /** For what was not written: what made it wrong is news that is still on its way. */
  #wroteAt(revision: number): void {
    this.#writtenAt = Math.max(this.#writtenAt, revision);
  }
}

export interface CoordinateOptions extends CoordinatorOptions, ElectedOptions {}

/**
 * Coordinates whenever this process is the one that was elected to: so every host of a fleet can offer to, and one follows
 * all records. The election saves work; what is safe does not depend on it.
 * @throws the signal's reason never: it ends quietly; ClosedError when the client is closed.
 */
export async function coordinate(client: Client, options: CoordinateOptions): Promise<void> {
  const { fleet = 'reboot' } = options;
  await whileElected(client, `${fleet}.coordinator`, options, (signal) =>
    new Coordinator(client, options).run(signal),
  );
}
