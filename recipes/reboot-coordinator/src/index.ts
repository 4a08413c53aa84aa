/** Reboots a fleet for OS updates without downtime of what runs on it. */
export type { CheckResult, HookFacts, HookResult, Host, Need } from './agent/host.ts';
