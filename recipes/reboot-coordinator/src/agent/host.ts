/** Whether a host needs a reboot; `unknown` when a source cannot tell, which is never a yes. */
export type Need =
  | { readonly needed: 'no' }
  | { readonly needed: 'unknown'; readonly why: string }
  | { readonly needed: 'yes'; readonly reason: string; readonly target?: string };

/** What a check found; `why` is for people. */
export type CheckResult =
  | { readonly isGreen: true }
  | { readonly isGreen: false; readonly why: string };

/** How a hook ended. */
export type HookResult =
  | { readonly isDone: true }
  | { readonly isDone: false; readonly why: string };

/** What an agent tells the commands that it runs. */
export interface HookFacts {
  readonly id: string;
  readonly group: string;
  readonly grant: string;
  readonly reason: string;
}

/**
 * The host that an agent speaks for: the only part of the agent that touches it. No method rejects because of what it found
 * on the host; each is given up when the signal aborts.
 */
export interface Host {
  /** Another one after each boot, and the same until then. */
  bootId(): Promise<string>;
  /** What it runs, as people name it: the kernel's or the image's version. */
  version(): Promise<string>;
  needsReboot(signal: AbortSignal): Promise<Need>;
  /** Takes work off the host. */
  drain(facts: HookFacts, signal: AbortSignal): Promise<HookResult>;
  /** Gives it work again: after a boot, and when a slot is given back. */
  undrain(facts: HookFacts, signal: AbortSignal): Promise<HookResult>;
  /** All checks at once, `extra` being those of the group; green when all are. */
  check(extra: readonly string[], signal: AbortSignal): Promise<CheckResult>;
  /** Asks the system to reboot. Done means that it was asked, not that it happens. */
  reboot(facts: HookFacts, signal: AbortSignal): Promise<HookResult>;
}
