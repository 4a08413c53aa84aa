/** A host with Linux on it, and what else needs Node. */
export type { Host } from '../agent/host.ts';
export {
  type FleetLockAnswered,
  type FleetLockHandlerOptions,
  fleetLockHandler,
} from './fleetlock-handler.ts';
export {
  FleetLockCounts,
  type FleetReadings,
  fleetMetrics,
  type NotificationCounts,
} from './metrics.ts';
export { type Notification, notifiedKinds } from './notification.ts';
export { Notifier, type NotifierOptions } from './notifier.ts';
export { RebootServer, type RebootServerOptions, type RebootServerTls } from './reboot-server.ts';
export { webhookUrl } from './webhook.ts';
