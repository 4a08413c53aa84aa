import type { Command } from 'commander';

/** The options of a verb that waits for its turn and holds something, which `subject` names: `the lock`. */
export function withTurnOptions(command: Command, subject: string, inspector: string): Command {
  return command
    .option('--ttl <seconds>', `${subject} is free so long after its holder was killed`, '10')
    .option('--wait <duration>', 'wait at most so long; without it, as long as it takes')
    .option('--try', 'do not wait at all')
    .option(
      '--grace <duration>',
      `from SIGTERM to SIGKILL when ${subject} is lost (a quarter of the TTL, at most 5s)`,
    )
    .option('--identity <text>', `who this is, for "inspect ${inspector}" (user@host pid)`);
}
