import { compare, InvalidError, pause } from '@lockstep/client';
import { memberFaultOf } from '../member-health.ts';
import { type HostRecord, policyDefaults } from '../policy/records.ts';
import { begun, failed, gaveBack, leaving, type Step } from '../policy/slots.ts';
import { type AgentContext, factsOf } from './context.ts';

/** From a grant to the reboot: drain, ask once more, go. */
export class Departure {
  readonly #context: AgentContext;

  constructor(context: AgentContext) {
    this.#context = context;
  }

  /** @returns true when the reboot was asked for, so that nothing more is to be done in this boot. */
  async run(own: HostRecord): Promise<boolean> {
    const { record, ledger, settings } = this.#context;
    const grant = own.grant?.id ?? '';
    switch (own.state) {
      case 'granted': {
        settings.onEvent(`has the slot ${grant}: it is drained`);
        await this.#step(own, (now) => begun(now, grant, ledger.clock.now()));
        return false;
      }
      case 'draining':
        return this.#drain(own, grant);
      case 'rebooting':
        return this.#reboot(own, grant);
      case 'overdue':
        await this.#stay(grant, 'it took too long to go down', own);
        return false;
      default:
        await record.news(settings.pollMs);
        return false;
    }
  }

  async #drain(own: HostRecord, grant: string): Promise<boolean> {
    const { settings, until, ledger, record } = this.#context;
    const { host } = settings;
    const drained = await host.drain(factsOf(own), until);
    if (until.aborted) return false;
    if (!drained.isDone) {
      await this.#giveBack(own, grant, `draining failed: ${drained.why}`);
      return false;
    }
    const fault =
      own.member === undefined ? undefined : await memberFaultOf(ledger.client, { signal: until });
    if (fault !== undefined) {
      await this.#giveBack(own, grant, fault);
      return false;
    }
    // The last question: a pause or a breaker since the grant is heard, and no answer is no reboot.
    const stops = ledger.keys.stops(own.group, own.id);
    const next = await this.#step(
      own,
      (now) => leaving(now, grant, ledger.clock.now()),
      stops.map((key) => compare.missing(key)),
    );
    if (next !== undefined) return false;
    const now = await record.read();
    if (now.grant?.id === grant && now.state === 'draining') {
      await this.#giveBack(
        now,
        grant,
        'it was paused, the breaker opened, or it was too late when it was drained',
      );
    }
    return false;
  }

  async #reboot(own: HostRecord, grant: string): Promise<boolean> {
    const { settings, until, ends, ledger, identity } = this.#context;
    const { clock } = ledger.client;
    const { host, leaveWithinMs, onEvent } = settings;
    const leftMs = own.since + leaveWithinMs - ledger.clock.now();
    if (leftMs > 0) {
      onEvent(`reboots: ${own.request?.reason ?? ''}`);
      const asked = await host.reboot(factsOf(own), until);
      if (until.aborted) return false;
      if (!asked.isDone) {
        await this.#stay(grant, `the reboot was refused: ${asked.why}`, own);
        return false;
      }
      // Its next boot need not wait for the sign of life of this one to end.
      await identity.giveUp();
      // A system that goes down ends its services first, and shall not have to wait for this one.
      await pause(clock, leftMs, ends);
      return true;
    }
    const minutes = Math.round(leaveWithinMs / 60_000);
    await this.#stay(
      grant,
      `it is still the same boot ${minutes} min after the reboot was asked for`,
      own,
    );
    return false;
  }

  /** The host did not go down: it serves again, and that is a failure. */
  async #stay(grant: string, reason: string, own: HostRecord): Promise<void> {
    const { settings, until, ledger } = this.#context;
    settings.onEvent(reason);
    const undrained = await settings.host.undrain(factsOf(own), until);
    const checked = await settings.host.check([], until);
    if (until.aborted) return;
    const isInService = undrained.isDone && checked.isGreen;
    await this.#step(own, (now) =>
      failed(now, { grant, at: ledger.clock.now(), reason, isInService }),
    );
  }

  async #giveBack(own: HostRecord, grant: string, reason: string): Promise<void> {
    const { settings, until, ledger } = this.#context;
    settings.onEvent(`gives the slot back: ${reason}`);
    const undrained = await settings.host.undrain(factsOf(own), until);
    if (until.aborted) return;
    if (!undrained.isDone) {
      const why = `${reason}; then it could not be undrained: ${undrained.why}`;
      await this.#step(own, (now) =>
        failed(now, { grant, at: ledger.clock.now(), reason: why, isInService: false }),
      );
      return;
    }
    const at = ledger.clock.now();
    const notBefore = at + policyDefaults.retryAfterMs;
    await this.#step(own, (now) => gaveBack(now, { grant, at, reason, notBefore, isAsking: true }));
  }

  /** Takes one step, if the record is still as the agent knows it. A step that came too late is none. */
  async #step(
    own: HostRecord,
    make: (now: HostRecord) => Step,
    conditions: Parameters<AgentContext['record']['change']>[1] = [],
  ): Promise<unknown> {
    try {
      return await this.#context.record.change(({ record: now }) => {
        if (now?.grant?.id !== own.grant?.id || now?.state !== own.state) return undefined;
        return make(now);
      }, conditions);
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      this.#context.settings.onEvent(error.message);
      // Whoever takes the slot back now will be heard.
      await this.#context.record.news(this.#context.settings.checkEveryMs);
      return undefined;
    }
  }
}
