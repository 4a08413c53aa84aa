/** Reboots a fleet for OS updates without downtime of what runs on it. */
export { Agent, type AgentOptions } from './agent/agent.ts';
export type { CheckResult, HookFacts, HookResult, Host, Need } from './agent/host.ts';
export {
  type CoordinateOptions,
  Coordinator,
  type CoordinatorOptions,
  coordinate,
} from './coordinator.ts';
export { HostRefusedError } from './errors.ts';
export { FleetView, type FleetViewOptions } from './fleet-view.ts';
export {
  FleetLock,
  type FleetLockAnswer,
  type FleetLockCall,
  type FleetLockOptions,
} from './fleetlock/fleet-lock.ts';
export type { Foreseen } from './foresight.ts';
export type { HistoryOptions } from './history.ts';
export type { HoldersToImport, ImportOutcome } from './import-holders.ts';
export { checkedGroup, checkedId } from './name.ts';
export type { ObserveOptions } from './observation.ts';
export { type Change, Operator, type OperatorOptions, type Scope } from './operator.ts';
export * from './policy/index.ts';
export type { HostFacts } from './policy/slots.ts';
