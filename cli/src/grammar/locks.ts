import type { Command } from 'commander';
import type { TurnOptions } from '../turn-options.ts';
import { type Grammar, typedLine, withExamples } from './grammar.ts';
import { withTurnOptions } from './turns.ts';

export function addLockVerb({ program, context, run }: Grammar): void {
  const lock = program
    .command('lock <name> [command...]')
    .usage('[options] <name> [-- command...]')
    .summary('run a command under a lock, or hold one until Ctrl-C')
    .description(
      'Waits for the lock of a name, first come, first served over all machines, and runs a command\n' +
        'under it; or prints its key and holds it until Ctrl-C.',
    );
  withTurnOptions(lock, 'the lock', 'lock')
    .addHelpText('after', lockHelp)
    .action(async (_name: string, _words: string[], options: TurnOptions, command: Command) => {
      const { lock } = await import('../verbs/lock.ts');
      const { withCommand } = await import('../command-words.ts');
      return run(lock(context(), withCommand(command.args, typedLine(command)), options));
    });
  withExamples(
    lock,
    `
# one at a time, on however many machines
lockstep lock nightly -- sleep 1
# not at all when another one runs, or when it takes longer than a while
lockstep lock nightly --try -- sleep 1
lockstep lock nightly --wait 30s -- sleep 1
# the token grows from holder to holder
lockstep lock nightly -- sh -c 'echo "$LOCKSTEP_LOCK: token $LOCKSTEP_TOKEN"'
# until Ctrl-C
lockstep lock nightly`,
  );
}

const lockHelp = `
The command has the standard streams of lockstep, and in its environment:
  LOCKSTEP_LOCK      the name
  LOCKSTEP_LOCK_KEY  the key that stands for this holding of the lock
  LOCKSTEP_TOKEN     the fencing token: larger than that of every earlier holder
Signals are handed on to it and to all that it has started. The lock is released when the command
has ended. Exit codes: the command's own, 121 not free in time, 122 lost, 125 no member could be
asked, 126 and 127 not to be run; see "lockstep help exit-codes".

When the lock is lost, because no member answered for most of the TTL or somebody removed its key,
the command and all that it has started get SIGTERM, and after --grace SIGKILL. The grace is over
before anybody else can have the lock, unless its key was removed by hand. It is a part of the TTL,
half of which must stay for renewals: a longer --grace needs a longer --ttl.

When lockstep itself is killed with SIGKILL, or stopped, the command goes on, and nobody tells it
that after the TTL the lock is another's. So whatever it writes to should refuse a token smaller
than the largest it has seen. In the store itself, this condition of "lockstep txn" does it:
  create("<LOCKSTEP_LOCK_KEY>") = "<LOCKSTEP_TOKEN>"`;
