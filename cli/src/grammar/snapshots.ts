import type { Command } from 'commander';
import type { RecoverVerbOptions } from '../verbs/member-recover.ts';
import type { RestoreVerbOptions } from '../verbs/snapshot-restore.ts';
import type { SaveOptions } from '../verbs/snapshot-save.ts';
import { type Grammar, withExamples } from './grammar.ts';

const bump = 'how far the revision goes up, 0 to keep it and the history (1000000000)';

/** Backups, and what is made from them. */
export function addSnapshotVerbs({ program, context, run }: Grammar): void {
  const snapshot = program
    .command('snapshot')
    .helpCommand(false)
    .summary('back up and restore: save, status, restore');
  snapshot.description('Backups of the whole state, and new clusters from them.');
  const save = snapshot
    .command('save <file>')
    .summary('save the state of a member into a file')
    .description(
      'Saves the whole state of a member, while writes go on. The file is there whole, or not at all.',
    )
    .option('--force', 'replace a file that is there')
    .option('--serializable', 'what the member has, without asking a quorum')
    .action(async (file: string, options: SaveOptions) =>
      run((await import('../verbs/snapshot-save.ts')).snapshotSave(context(), file, options)),
    );
  withExamples(save, 'lockstep snapshot save backup.snap --force');
  const status = snapshot
    .command('status <file>')
    .summary('verify a file and say what it holds')
    .description('Verifies every checksum of a file, and prints hash, revision, keys and size.')
    .action(async (file: string) =>
      run((await import('../verbs/snapshot-status.ts')).snapshotStatus(context(), file)),
    );
  withExamples(
    status,
    'lockstep snapshot save backup.snap --force\nlockstep snapshot status backup.snap --output table',
  );
  const restore = snapshot
    .command('restore <file>')
    .summary('make the data directory of a member of a new cluster')
    .description(
      'Makes the data directory of one member of a new cluster with the state of a file. Run it once for each member, with ' +
        'the same file and list, then start them with "lockstep serve".',
    )
    .option('--data-dir <directory>', 'where; it must be empty or not there (./lockstep-data)')
    .option('--name <name>', 'the member (default)')
    .option(
      '--initial-cluster <list>',
      'name=host:port of all members with commas between (this one)',
    )
    .option('--initial-cluster-token <text>', 'the same for all members (lockstep)')
    .option('--peer-advertise <host:port>', 'where members reach this one (what the list says)')
    .option('--initial-advertise-peer-urls <url>', "the same, by etcd's name")
    .option('--bump-revision <count>', bump)
    .option(
      '--mark-compacted',
      'history goes with a raised revision anyway: taken for the sake of etcdctl',
    )
    .action(async (file: string, options: RestoreVerbOptions) =>
      run((await import('../verbs/snapshot-restore.ts')).snapshotRestore(context(), file, options)),
    );
  withExamples(
    restore,
    `
lockstep snapshot save backup.snap --force
lockstep snapshot restore backup.snap --data-dir ./restored`,
  );
}

/** The last resort, which works on files: no member may run on them. */
export function addRecoverVerb(member: Command, { context, run }: Grammar): void {
  const recover = member
    .command('recover')
    .summary('go on with one member when most others are lost for ever')
    .description(
      'Makes the data directory of one stopped member that of a new cluster with this member alone. For when most members ' +
        'are lost for ever: what they had and this one has not is lost. Without --yes it only says what it would do.',
    )
    .requiredOption('--data-dir <directory>', "the member's data; it is kept beside the new one")
    .option('--yes', 'do it')
    .option('--bump-revision <count>', bump)
    .action(async (options: RecoverVerbOptions) =>
      run((await import('../verbs/member-recover.ts')).memberRecover(context(), options)),
    );
  withExamples(
    recover,
    `
# on the data of a member that is stopped; here of one that never ran
lockstep snapshot save rest.snap --force
lockstep snapshot restore rest.snap --data-dir ./rest
lockstep member recover --data-dir ./rest --yes`,
  );
}
