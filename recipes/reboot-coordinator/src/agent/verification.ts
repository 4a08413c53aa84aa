import { pause } from '@lockstep/client';
import { legible } from '../ledger.ts';
import { type GroupPolicy, type HostRecord, policyDefaults } from '../policy/records.ts';
import { readGroup } from '../policy/shapes.ts';
import { failed, finished, returned } from '../policy/slots.ts';
import { type AgentContext, factsOf } from './context.ts';

/** From a new boot to the evidence that the host serves again. Killed and begun anew, the soak counts from its beginning. */
export class Verification {
  readonly #context: AgentContext;

  constructor(context: AgentContext) {
    this.#context = context;
  }

  async run(own: HostRecord): Promise<void> {
    const { settings, until, bootId, version } = this.#context;
    const grant = own.grant?.id ?? '';
    const isKnown =
      own.state === 'verifying' || own.state === 'failed' || own.overdueIn === 'verifying';
    if (!isKnown) {
      await this.#change(grant, (now, at) => returned(now, { grant, at, bootId, version }));
      settings.onEvent(`is back with ${version}; its checks must be green`);
    }
    const undrained = await settings.host.undrain(factsOf(own), until);
    if (until.aborted) return;
    if (!undrained.isDone) {
      await this.#fail(own, grant, {
        reason: `it could not be undrained: ${undrained.why}`,
        isInService: false,
      });
      await pause(this.#context.ledger.client.clock, settings.pollMs, until);
      return;
    }
    if (!(await this.#isGreen(own, grant))) return;
    const target = own.request?.target;
    // Asked again, for right after a boot it may not have been known.
    const runs = await settings.host.version();
    if (target !== undefined && target !== runs && own.state !== 'failed') {
      const reason = `it runs ${runs} instead of ${target}`;
      settings.onEvent(reason);
      await this.#fail(own, grant, { reason, isInService: true });
      return;
    }
    await this.#change(grant, (now, at) => finished({ ...now, version: runs }, grant, at));
    settings.onEvent('serves again; the slot is free');
  }

  /** Waits until all checks were green for the soak time. @returns false when it no longer matters. */
  async #isGreen(own: HostRecord, grant: string): Promise<boolean> {
    const { settings, until, ledger, record } = this.#context;
    const { clock } = ledger.client;
    const began = clock.now();
    let greenSince: number | undefined;
    let isFailed = own.state === 'failed';
    for (;;) {
      // A check that was wrong may be mended while it is red.
      const policy = await this.#policy(own.group);
      const soakMs = policy?.soakMs ?? policyDefaults.soakMs;
      const extra = (policy?.checks ?? []).map((check) => check.replaceAll('{id}', own.id));
      const found = await settings.host.check(extra, until);
      if (until.aborted) return false;
      const now = clock.now();
      if (!found.isGreen) {
        greenSince = undefined;
        if (!isFailed && now - began > settings.verifyWithinMs) {
          isFailed = true;
          await this.#fail(own, grant, { reason: found.why, isInService: false });
        }
      } else {
        greenSince ??= now;
        if (now - greenSince >= soakMs) return true;
      }
      const leftMs = greenSince === undefined ? settings.checkEveryMs : soakMs - (now - greenSince);
      await pause(clock, Math.min(settings.checkEveryMs, Math.max(1, leftMs)), until);
      if (until.aborted) return false;
      if ((await record.read()).grant?.id !== grant) return false;
    }
  }

  async #policy(group: string): Promise<GroupPolicy | undefined> {
    const { ledger, until } = this.#context;
    const kv = await ledger.client.get(ledger.keys.group(group), { signal: until });
    return kv === undefined ? undefined : legible(() => readGroup(kv.value));
  }

  async #fail(
    own: HostRecord,
    grant: string,
    what: { readonly reason: string; readonly isInService: boolean },
  ): Promise<void> {
    if (own.state === 'failed' && !what.isInService) return;
    this.#context.settings.onEvent(`failed: ${what.reason}`);
    await this.#change(grant, (now, at) => failed(now, { grant, at, ...what }));
  }

  async #change(
    grant: string,
    make: (now: HostRecord, at: number) => ReturnType<typeof finished>,
  ): Promise<void> {
    const { record, ledger } = this.#context;
    await record.change(({ record: now }) =>
      now?.grant?.id === grant ? make(now, ledger.clock.now()) : undefined,
    );
  }
}
