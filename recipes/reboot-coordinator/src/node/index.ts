/** A host with Linux on it, and what else needs Node. */
export type { Host } from '../agent/host.ts';
export {
  type Check,
  type CheckContext,
  checkForms,
  type KeyCheck,
  parseCheck,
  runCheck,
  runChecks,
} from './checks.ts';
export {
  type FleetLockAnswered,
  type FleetLockHandlerOptions,
  fleetLockHandler,
} from './fleetlock-handler.ts';
export { HostError } from './host-error.ts';
export { LinuxHost, type LinuxHostOptions, unknownVersion } from './linux-host.ts';
export { applicationMachineId, readBootId, readMachineId } from './machine-id.ts';
export {
  FleetLockCounts,
  type FleetReadings,
  fleetMetrics,
  type NotificationCounts,
} from './metrics.ts';
export { type Notification, notifiedKinds } from './notification.ts';
export { Notifier, type NotifierOptions } from './notifier.ts';
export { RebootServer, type RebootServerOptions, type RebootServerTls } from './reboot-server.ts';
export { findRivals, type RivalContext } from './rivals.ts';
export {
  askAll,
  autoSources,
  commandSource,
  debianSource,
  fileSource,
  needsRestartingSource,
  parseSource,
  rpmOstreeSource,
  type Source,
  type SourceContext,
  sourceForms,
  suseSource,
} from './sources.ts';
export { webhookUrl } from './webhook.ts';
