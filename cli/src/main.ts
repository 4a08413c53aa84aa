import { type Command, CommanderError } from 'commander';
import { describeFailure, exitCodes, UsageError } from './failure.ts';
import { helpCommandOf, pathOf } from './grammar/grammar.ts';
import { type Io, processIo, warn } from './io.ts';
import { buildProgram } from './program.ts';

/** Runs one command line. @returns its exit code; see `exitCodes`. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = buildProgram(io);
  configure(program.command, io);
  let verb = program.command;
  program.command.hook('preAction', (_, action) => {
    verb = action;
  });
  try {
    if (args.length === 0) {
      program.command.outputHelp();
      return exitCodes.ok;
    }
    await program.command.parseAsync(args, { from: 'user' });
    return program.exitCode();
  } catch (error) {
    // Commander has said what was wrong by itself.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.refused;
    if (error instanceof UsageError) {
      warn(io, `${error.message}\n  "${helpCommandOf(verb)}" says how`);
      return exitCodes.refused;
    }
    const failure = describeFailure(error, program.context());
    warn(io, failure.message);
    return failure.exitCode;
  }
}

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  // A reader that has seen enough (`lockstep get ... | head -1`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? exitCodes.ok);
  });
  process.exitCode = await run(process.argv.slice(2), processIo);
}

/** Errors and help go through `io`, and come back as errors instead of ending the process. */
function configure(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    getOutHelpWidth: () => helpColumns(io),
    getErrHelpWidth: () => helpColumns(io),
    outputError: (text, write) => {
      const hint = hintFor(text, command);
      const help = `"${helpCommandOf(command)}" says how`;
      const rows = [reworded(text), ...(hint === undefined ? [] : [hint]), help];
      write(`lockstep: ${rows.join('\n  ')}\n`);
    },
  });
  for (const verb of command.commands) configure(verb, io);
}

const helpColumnsMax = 100;

function helpColumns({ stdout }: Io): number {
  return Math.min(stdout.columns ?? helpColumnsMax, helpColumnsMax);
}

/** Commander's sentences, where ours are easier to read. */
function reworded(text: string): string {
  return text
    .trimEnd()
    .replace(/^error: /, '')
    .replace(
      /too many arguments for '(.*)'\. Expected (\d+) .* got (\d+)\./,
      (_, verb, takes, got) =>
        takes === '0' ? `${verb} takes no arguments` : `${verb} takes at most ${takes}, not ${got}`,
    )
    .replace(/command-argument value '(.*)' is invalid for argument '(.*?)'\./, "'$1' is no $2.");
}

/** What a person who typed this most likely wanted; `text` is what commander says of it. */
function hintFor(text: string, command: Command): string | undefined {
  if (/unknown option '-[^-]/.test(text)) {
    return 'A key or value that begins with "-" goes after "--".';
  }
  const unknown = /unknown command '(.*?)'/.exec(text)?.[1];
  if (unknown !== undefined) {
    const names = command.commands.map((one) => one.name()).join(', ');
    if (command.parent !== null) return `${command.name()} has ${names}`;
    return (
      otherNames[unknown] ?? (text.includes('Did you mean') ? undefined : `there are ${names}`)
    );
  }
  if (/^error: (missing required argument|too many arguments)/.test(text)) {
    const usage = `usage: ${['lockstep', ...pathOf(command)].join(' ')} ${command.usage()}`;
    if (command.name() === 'put') return `${usage}\n  A value with blanks goes in quotes.`;
    const all = `\n  for all keys: lockstep ${command.name()} '' --prefix`;
    return usage + (/missing required argument 'key'/.test(text) ? all : '');
  }
  return undefined;
}

/** Verbs of other programs, and what does it here. */
const otherNames: Readonly<Record<string, string>> = {
  set: 'To write a key: lockstep put KEY VALUE',
  mk: 'To write a key: lockstep put KEY VALUE',
  ls: "To list all keys: lockstep get '' --prefix --keys-only",
  list: "To list all keys: lockstep get '' --prefix --keys-only",
  keys: "To list all keys: lockstep get '' --prefix --keys-only",
  rm: 'To delete a key: lockstep del KEY',
  delete: 'To delete a key: lockstep del KEY',
  start: 'To run a member: lockstep serve',
  server: 'To run a member: lockstep serve',
  exec: 'To run a command for each event: lockstep watch KEY -- COMMAND',
  unlock:
    'A lock is released when the command under it has ended; who has it: lockstep inspect lock NAME',
  members: 'To list the members: lockstep member list',
  leases: 'To list the leases: lockstep lease list',
};
