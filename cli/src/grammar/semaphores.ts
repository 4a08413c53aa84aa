import type { Command } from 'commander';
import type { PermitOptions } from '../verbs/semaphore.ts';
import { type Grammar, typedLine, withExamples } from './grammar.ts';
import { withTurnOptions } from './turns.ts';

export function addSemaphoreVerbs({ program, context, run }: Grammar): void {
  const semaphore = program
    .command('semaphore')
    .helpCommand(false)
    .summary('run so many commands at a time, and change how many');
  semaphore.description(
    'A semaphore gives permits up to a limit, which is stored in the cluster and can be changed while\n' +
      'permits are held. Who has them: lockstep inspect semaphore NAME',
  );
  const acquire = semaphore
    .command('acquire <name> [command...]')
    .usage('[options] <name> [-- command...]')
    .summary('run a command with a permit, or hold one until Ctrl-C')
    .description(
      'Waits for a permit of a name, first come, first served over all machines, and runs a command\n' +
        'with it; or prints its key and holds it until Ctrl-C.',
    )
    .option('--limit <number>', 'the limit: the first one writes it, further ones must agree')
    .option('--weight <number>', 'how much of the limit this permit takes (1)');
  withTurnOptions(acquire, 'the permit', 'semaphore')
    .addHelpText('after', acquireHelp)
    .action(async (_name: string, _words: string[], options: PermitOptions, command: Command) => {
      const { semaphoreAcquire } = await import('../verbs/semaphore.ts');
      const { withCommand } = await import('../command-words.ts');
      const words = withCommand(command.args, typedLine(command));
      return run(semaphoreAcquire(context(), words, options));
    });
  withExamples(
    acquire,
    `
# three at a time, on however many machines
lockstep semaphore acquire gpu --limit 3 -- sleep 1
# with the limit that is stored: one that counts for two, and one that does not wait
lockstep semaphore acquire gpu --weight 2 --wait 30s -- sleep 1
lockstep semaphore acquire gpu --try -- sleep 1
# until Ctrl-C
lockstep semaphore acquire gpu`,
  );
  const resize = semaphore
    .command('resize <name> <limit>')
    .summary('change the limit of a semaphore, whoever holds permits')
    .description(
      'Sets the limit that is in force, or makes a semaphore with it. More lets waiting ones in at once;\n' +
        'fewer takes nothing from those who hold, and lets nobody in until there is room. 0 is a pause.',
    )
    .addHelpText(
      'after',
      '\nPrograms may go on to declare the old limit, or declare the new one (--limit).',
    )
    .action(async (name: string, limit: string) =>
      run((await import('../verbs/semaphore.ts')).semaphoreResize(context(), name, limit)),
    );
  withExamples(
    resize,
    `
# a pause, and its end
lockstep semaphore resize gpu 0
lockstep semaphore resize gpu 5`,
  );
}

const acquireHelp = `
The limit is stored. Without --limit the stored one is taken, and there must be one. A --limit that
is neither the one others declare nor the one in force is refused, since one of them must be wrong.
A heavy permit at the head of the line is not overtaken by light ones; one that is heavier than the
limit is refused at once.

The command has in its environment:
  LOCKSTEP_SEMAPHORE      the name
  LOCKSTEP_SEMAPHORE_KEY  the key that stands for this permit
  LOCKSTEP_TOKEN          larger than that of whoever came before. It does not fence: holders of
                          permits are inside together, and have no order to refuse others by
Streams, signals, exit codes, and what happens when the permit is lost or lockstep is killed: see
"lockstep lock --help". This condition of "lockstep txn" tells that the permit is still held:
  create("<LOCKSTEP_SEMAPHORE_KEY>") = "<LOCKSTEP_TOKEN>"`;
