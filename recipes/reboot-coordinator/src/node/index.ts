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
export { HostError } from './host-error.ts';
export { LinuxHost, type LinuxHostOptions, unknownVersion } from './linux-host.ts';
export { applicationMachineId, readBootId, readMachineId } from './machine-id.ts';
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
