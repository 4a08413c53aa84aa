import { type Grammar, withExamples } from './grammar.ts';

/** Each recipe that has a holder has a verb here that says who that is. */
export function addInspectVerbs({ program, context, run }: Grammar): void {
  const inspect = program
    .command('inspect')
    .helpCommand(false)
    .summary('who has something, and who waits for it: lock, election');
  inspect.description('Who has something that is had by turns, and who waits for it.');
  const lock = inspect
    .command('lock <name>')
    .summary('print who has a lock and who waits for it')
    .description(
      'Prints who has a lock, with its fencing token and lease, and who waits for it, next first.',
    )
    .action(async (name: string) =>
      run((await import('../verbs/inspect-lock.ts')).inspectLock(context(), name)),
    );
  withExamples(lock, 'lockstep inspect lock nightly\nlockstep inspect lock nightly --output table');
  const election = inspect
    .command('election <name>')
    .summary('print who leads and who waits to')
    .description(
      'Prints who leads, with its value, fencing token and priority, and who waits, in line.',
    )
    .action(async (name: string) =>
      run((await import('../verbs/inspect-election.ts')).inspectElection(context(), name)),
    );
  withExamples(
    election,
    'lockstep inspect election billing\nlockstep inspect election billing --output table',
  );
}
