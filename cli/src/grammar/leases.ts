import type { KeepAliveOptions, LeaseGrantOptions, TimeToLiveOptions } from '../verbs/lease.ts';
import { type Grammar, withExamples } from './grammar.ts';

export function addLeaseVerbs({ program, context, run }: Grammar): void {
  const lease = program
    .command('lease')
    .helpCommand(false)
    .summary('leases: keys that end with their lease');
  lease.description(
    'A lease ends when it was not renewed for its time to live, and its keys are deleted with it.\n' +
      'Its id is printed in decimal, and read in decimal or, after 0x, in hexadecimal.',
  );
  const grant = lease
    .command('grant <ttl>')
    .summary('make a lease of so many seconds')
    .description('Makes a lease of so many seconds (2 at least) and prints its id.')
    .option('--id <id>', 'its id; without one, the cluster chooses')
    .action(async (ttl: string, options: LeaseGrantOptions) =>
      run((await import('../verbs/lease.ts')).leaseGrant(context(), ttl, options)),
    );
  withExamples(
    grant,
    `
lockstep lease grant 60
# with an id of your own, and a key
lockstep lease grant 60 --id 1234
lockstep put workers/b busy --lease 1234`,
  );
  const keepAlive = lease
    .command('keep-alive <id>')
    .summary('renew a lease until Ctrl-C')
    .description(
      'Renews a lease each third of its time to live until Ctrl-C; ends with 1 when it has ended.',
    )
    .option('--once', 'renew it once')
    .action(async (id: string, options: KeepAliveOptions) =>
      run((await import('../verbs/lease.ts')).leaseKeepAlive(context(), id, options)),
    );
  withExamples(keepAlive, 'lockstep lease keep-alive 1234\nlockstep lease keep-alive 1234 --once');
  const timeToLive = lease
    .command('timetolive <id>')
    .summary('print what is left of a lease')
    .description('Prints how many seconds are left of a lease.')
    .option('--keys', 'print its keys as well')
    .action(async (id: string, options: TimeToLiveOptions) =>
      run((await import('../verbs/lease.ts')).leaseTimeToLive(context(), id, options)),
    );
  withExamples(timeToLive, 'lockstep lease timetolive 1234 --keys');
  const list = lease
    .command('list')
    .summary('print the ids of all leases')
    .description('Prints the ids of all leases.')
    .action(async () => run((await import('../verbs/lease.ts')).leaseList(context())));
  withExamples(list, 'lockstep lease list');
  const revoke = lease
    .command('revoke <id>')
    .summary('end a lease and delete its keys')
    .description('Ends a lease and deletes its keys.')
    .action(async (id: string) =>
      run((await import('../verbs/lease.ts')).leaseRevoke(context(), id)),
    );
  withExamples(revoke, 'lockstep lease revoke 1234');
}
