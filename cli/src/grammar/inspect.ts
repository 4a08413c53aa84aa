import { type Grammar, withExamples } from './grammar.ts';

/** Each recipe that has a holder has a verb here that says who that is. */
export function addInspectVerbs({ program, context, run }: Grammar): void {
  const inspect = program
    .command('inspect')
    .helpCommand(false)
    .summary('who has something, and who waits for it: lock, rwlock, semaphore, election');
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
  const rwlock = inspect
    .command('rwlock <name>')
    .summary('print who has a readers-writer lock and who waits for it')
    .description(
      'Prints who reads or who writes under a readers-writer lock, and who waits for it, next first.',
    )
    .action(async (name: string) =>
      run((await import('../verbs/inspect-rwlock.ts')).inspectRwLock(context(), name)),
    );
  withExamples(rwlock, 'lockstep inspect rwlock catalog');
  const semaphore = inspect
    .command('semaphore <name>')
    .summary('print the limit of a semaphore, who has permits and who waits')
    .description(
      'Prints the limit that is in force and the one that programs declare, how much is in use, who has\n' +
        'permits of which weight, and who waits, next first.',
    )
    .action(async (name: string) =>
      run((await import('../verbs/inspect-semaphore.ts')).inspectSemaphore(context(), name)),
    );
  withExamples(
    semaphore,
    'lockstep inspect semaphore gpu\nlockstep inspect semaphore gpu --output table',
  );
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
