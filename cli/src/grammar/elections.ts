import type { Command } from 'commander';
import type { ElectOptions } from '../verbs/elect.ts';
import { type Grammar, typedLine, withExamples } from './grammar.ts';

export function addElectVerb({ program, context, run }: Grammar): void {
  const elect = program
    .command('elect <name> [value] [command...]')
    .usage('[options] <name> <value> [-- command...]')
    .summary('run a command while this one leads, or print who leads')
    .description(
      'Waits until it leads an election, proposing a value, and runs a command meanwhile; or prints its\n' +
        'key and leads until Ctrl-C. With --listen it is no candidate, and prints who leads.',
    )
    .option('--listen', 'print each leader and its value until Ctrl-C')
    .option('--ttl <seconds>', 'another can lead so long after this one was killed', '10')
    .option('--wait <duration>', 'wait at most so long; without it, as long as it takes')
    .option('--priority <number>', 'when nobody leads, the highest goes first (0)')
    .option(
      '--grace <duration>',
      'from SIGTERM to SIGKILL when the office is lost (a quarter of the TTL, at most 5s)',
    )
    .option('--identity <text>', 'who this is, for "inspect election" (user@host pid)')
    .addHelpText('after', electHelp)
    .action(
      async (
        _name: string,
        _value: string | undefined,
        _words: string[],
        options: ElectOptions,
        command: Command,
      ) => {
        const { elect } = await import('../verbs/elect.ts');
        const { withCommand } = await import('../command-words.ts');
        return run(elect(context(), withCommand(command.args, typedLine(command)), options));
      },
    );
  withExamples(
    elect,
    `
# one leads, on however many machines; when it ends, the next one does
lockstep elect billing 10.0.0.1:8080 -- sleep 1
lockstep elect billing 10.0.0.1:8080 --priority 5 --wait 30s -- sleep 1
# the token grows from leader to leader
lockstep elect billing host-1 -- sh -c 'echo "$LOCKSTEP_ELECTION: token $LOCKSTEP_TOKEN"'
# until Ctrl-C
lockstep elect billing 10.0.0.1:8080
lockstep elect billing --listen --output json`,
  );
}

const electHelp = `
The command has in its environment:
  LOCKSTEP_ELECTION      the name
  LOCKSTEP_ELECTION_KEY  the key that stands for this term
  LOCKSTEP_TOKEN         the fencing token: larger than that of every earlier leader
Streams, signals, exit codes, and what happens when the office is lost or lockstep is killed: see
"lockstep lock --help". A term ends with its command, and is not begun again.

With --listen, each leader is two lines, its key and its value, again when it changes the value.
That nobody leads is said on standard error, and in JSON as null.`;
