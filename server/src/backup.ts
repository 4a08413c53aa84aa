import { chooseLatin1 } from './core/base/latin1.ts';
import { nodeLatin1 } from './io/node-latin1.ts';

/** Backups of a cluster's state, and new clusters from them: what works on files, without a running member. */
export {
  type BackupRead,
  type BackupStatus,
  backupStatus,
  readBackup,
} from './backup/backup-file.ts';
export { type RecoverOptions, type Recovery, recoverMember } from './backup/recover.ts';
export {
  type Restored,
  type RestoreOptions,
  restoreBackup,
  revisionBumpDefault,
} from './backup/restore.ts';
export { BackupDecoder } from './storage/backup-decoder.ts';
export { BackupError } from './storage/backup-error.ts';

chooseLatin1(nodeLatin1);
