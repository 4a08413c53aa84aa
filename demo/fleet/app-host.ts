import type { Client } from '@lockstep/client';
import type { CheckResult, HookFacts, HookResult, Host, Need } from '@lockstep/reboot-coordinator';
import type { App, AppFacts } from './app.ts';
import { get } from './http-get.ts';
import { healthMsMax, updateKey } from './plan.ts';

interface AppHostOptions {
  readonly client: Client;
  readonly app: App;
  readonly facts: AppFacts;
  readonly port: number;
  /** Asks the machine to boot into that version. */
  readonly reboot: (version: string) => void;
}

/** What an agent needs to know and do of a host of this demo. Of a Linux host, `LinuxHost` does the same. */
export class AppHost implements Host {
  readonly #options: AppHostOptions;
  #wanted: string;

  constructor(options: AppHostOptions) {
    this.#options = options;
    this.#wanted = options.facts.version;
  }

  async bootId(): Promise<string> {
    return this.#options.facts.bootId;
  }

  async version(): Promise<string> {
    return this.#options.facts.version;
  }

  /** An update has arrived when the store names another version than this one. */
  async needsReboot(signal: AbortSignal): Promise<Need> {
    try {
      const update = await this.#options.client.get(updateKey, { signal });
      this.#wanted = update?.value ?? this.#options.facts.version;
    } catch (error) {
      return { needed: 'unknown', why: error instanceof Error ? error.message : String(error) };
    }
    if (this.#wanted === this.#options.facts.version) return { needed: 'no' };
    return { needed: 'yes', reason: `OS ${this.#wanted} is installed`, target: this.#wanted };
  }

  async drain(_: HookFacts, signal: AbortSignal): Promise<HookResult> {
    if (await this.#options.app.drain(signal)) return { isDone: true };
    return { isDone: false, why: 'the proxy still sends requests' };
  }

  async undrain(): Promise<HookResult> {
    this.#options.app.undrain();
    return { isDone: true };
  }

  /** Green when it answers by itself, and when the proxy sends it requests again: only then it is back in service. */
  async check(_: readonly string[], signal: AbortSignal): Promise<CheckResult> {
    try {
      const { status, body } = await get(this.#options.port, '/', healthMsMax, signal);
      if (status !== 200) return { isGreen: false, why: `it answers ${status}: ${body.trim()}` };
    } catch (error) {
      return { isGreen: false, why: `it does not answer: ${String(error)}` };
    }
    if (this.#options.app.served > 0) return { isGreen: true };
    return { isGreen: false, why: 'the proxy sends it nothing yet' };
  }

  async reboot({ id }: HookFacts): Promise<HookResult> {
    if (this.#wanted === this.#options.facts.version) {
      return { isDone: false, why: `there is no update for ${id} any more` };
    }
    this.#options.reboot(this.#wanted);
    return { isDone: true };
  }
}
