import { type Command, CommanderError } from 'commander';
import { describeFailure, exitCodes, UsageError } from './failure.ts';
import { type Io, processIo, warn } from './io.ts';
import { buildProgram } from './program.ts';

/** Runs one command line. @returns its exit code; see `exitCodes`. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = buildProgram(io);
  configure(program.command, io);
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
      warn(io, `${error.message}\n  "lockstep help" lists verbs and options`);
      return exitCodes.refused;
    }
    const failure = describeFailure(error, program.context().endpoints);
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
    outputError: (text, write) => {
      const dashed = /unknown option '-[^-]/.test(text)
        ? 'A key or value that begins with "-" goes after "--".\n'
        : '';
      write(text.replace(/^error: /, 'lockstep: ') + dashed);
    },
  });
  for (const verb of command.commands) configure(verb, io);
}
