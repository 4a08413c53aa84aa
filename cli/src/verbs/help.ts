import type { Command } from 'commander';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';

/** `help [TOPIC...]`: the help of the program, of a verb, or on a topic. */
export async function help(
  { io }: Context,
  program: Command,
  words: readonly string[],
): Promise<number> {
  const [first = ''] = words;
  const topic = words.length === 1 && Object.hasOwn(topics, first) ? topics[first] : undefined;
  if (topic !== undefined) await print(io, topic);
  else verbOf(program, words).outputHelp();
  return exitCodes.ok;
}

function verbOf(program: Command, words: readonly string[]): Command {
  let at = program;
  for (const word of words) {
    const next = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) {
      throw new UsageError(`there is no help on "${words.join(' ')}": ${known(program, at)}`);
    }
    at = next;
  }
  return at;
}

function known(program: Command, at: Command): string {
  const verbs = at.commands.map((one) => one.name());
  if (at === program) return `there is some on ${[...verbs, ...Object.keys(topics)].join(', ')}`;
  return verbs.length === 0 ? `${at.name()} has no verbs` : `${at.name()} has ${verbs.join(', ')}`;
}

const topics: Readonly<Record<string, string>> = {
  'exit-codes': `Exit codes of lockstep:

  0  done. Of watch, get --watch, lease keep-alive, serve and dev: ended by Ctrl-C. Of health: all
     endpoints can serve.
  1  refused, nothing was done: by the store, or because the command line makes no sense. Of health:
     an endpoint cannot serve. Of lease keep-alive: the lease has ended. Of serve and dev: a member
     could not start, or failed.
  2  no member answered in time, nothing was done. Of status: one of the endpoints did not answer.
  3  a change was sent and its outcome is unknown: read before you try again.
  4  the command that watch ran failed, with --exit-on-error.

Of lock, semaphore acquire and elect the exit code is that of the command, or 128 and the number of
the signal that ended the command or the waiting. Without a command 0 is: held until Ctrl-C. And of
their own:

  121  it was not to be had within --wait, or with --try at once. Nothing was run.
  122  the lock, the permit or the office was lost, and the command was stopped, whatever it made of
       that.
  125  what is 2 or 3 otherwise, or a refusal of the store. Nothing was run.
  126  the command may not be run.
  127  there is no such command.

A command line that makes no sense is 1, as everywhere. "reboot fleetlock lock" has 0 when the slot is
held, and 121 when it was not to be had within --wait.
`,
  environment: `Environment of lockstep:

  LOCKSTEP_ENDPOINTS  members to talk to, host:port with commas between; --endpoints goes before it
  LOCKSTEP_CACERT     authorities to verify members by, LOCKSTEP_CERT and LOCKSTEP_KEY the certificate to
                      show and its key; --cacert, --cert and --key go before them, and what etcdctl
                      reads (ETCDCTL_CACERT ...) comes after them
  LOCKSTEP_USER       who you are, once the cluster asks: NAME or NAME:PASSWORD; --user goes before it
  LOCKSTEP_PASSWORD   the password of that name, so that no list of processes shows it
  LOCKSTEP_CONFIG     of serve: the YAML file with its settings; --config goes before it
  LOCKSTEP_<SETTING>  of serve: each of its flags, as LOCKSTEP_DATA_DIR is --data-dir; the flag goes
                      before it, and it goes before the file
  NO_COLOR            anything in it switches colours off; without a terminal there are none

What a command gets that "lockstep watch KEY -- COMMAND" runs is in "lockstep watch --help", and what
one gets under a lock, with a permit or as the leader in the help of "lockstep lock", "lockstep
semaphore acquire" and "lockstep elect".
`,
};
