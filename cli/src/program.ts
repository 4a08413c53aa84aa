/** The command line: every verb and option, none of the work. Each verb's module is loaded when it runs. */
import { type Argument, Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import { addCertificateVerbs } from './grammar/certificates.ts';
import { addClusterVerbs } from './grammar/cluster.ts';
import { addElectVerb } from './grammar/elections.ts';
import { withExamples } from './grammar/grammar.ts';
import { addInspectVerbs } from './grammar/inspect.ts';
import { addKeyVerbs } from './grammar/keys.ts';
import { addLeaseVerbs } from './grammar/leases.ts';
import { addLockVerb } from './grammar/locks.ts';
import { addMemberVerbs } from './grammar/members.ts';
import { addRebootVerbs } from './grammar/reboot.ts';
import { addRightsVerbs } from './grammar/rights.ts';
import { addSemaphoreVerbs } from './grammar/semaphores.ts';
import { addShellVerbs } from './grammar/shell.ts';
import { addSnapshotVerbs } from './grammar/snapshots.ts';
import type { Context, Io, OutputFormat } from './io.ts';
import { authOf } from './password.ts';
import { durationMs } from './selection.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export const version = '0.1.0';
const defaultEndpoint = '127.0.0.1:2379';

interface SharedOptions extends TlsFiles {
  readonly endpoints?: string;
  readonly timeout: string;
  readonly output: OutputFormat;
  readonly user?: string;
  readonly token?: string;
}

export interface Program {
  readonly command: Command;
  /** What all verbs share, as the command line gave it. */
  context(): Context;
  /** What the verb that ran returned. */
  exitCode(): number;
}

export function buildProgram(io: Io): Program {
  let exitCode = 0;
  const program = new Command('lockstep');
  const context = (): Context => contextOf(program, io);
  const run = async (verb: Promise<number>): Promise<void> => {
    exitCode = await verb;
  };
  program
    .description('Coordination for fleets and Node services: a replicated store with watches.')
    .usage('<verb> [options]')
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (one) => [one.name(), ...one.registeredArguments.map(placeOf)].join(' '),
      optionDescription: described,
      // Those that a verb has use for.
      visibleGlobalOptions: (of) => (of === program ? [] : shared(program)),
    })
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option(
      '--endpoints <list>',
      `members to talk to, host:port with commas between (LOCKSTEP_ENDPOINTS, or ${defaultEndpoint})`,
    )
    .option('--cacert <file>', 'authorities to verify members by; means TLS (LOCKSTEP_CACERT)')
    .option('--cert <file>', 'certificate to show to members (LOCKSTEP_CERT)')
    .option('--key <file>', 'its private key (LOCKSTEP_KEY)')
    .option('--timeout <duration>', 'how long a call may take: 5s, 500ms, 1m', '5s')
    .option('--user <name>', 'who you are: NAME, or NAME:PASSWORD (LOCKSTEP_USER)')
    .option('--token <token>', 'who you are, by a token of an earlier login')
    .addOption(
      new Option('-w, --output <format>', 'simple, json, or where there is one, table')
        .choices(['simple', 'json', 'table'])
        .default('simple'),
    );
  const grammar = { program, context, run };
  program.commandsGroup('Run members:');
  addMemberVerbs(grammar);
  program.commandsGroup('Read, write and watch keys:');
  addKeyVerbs(grammar);
  program.commandsGroup('Let keys end with whoever wrote them:');
  addLeaseVerbs(grammar);
  program.commandsGroup('Take turns:');
  addLockVerb(grammar);
  addSemaphoreVerbs(grammar);
  addElectVerb(grammar);
  addInspectVerbs(grammar);
  program.commandsGroup('Reboot a fleet:');
  addRebootVerbs(grammar);
  program.commandsGroup('Look after the cluster:');
  addClusterVerbs(grammar);
  addSnapshotVerbs(grammar);
  addCertificateVerbs(grammar);
  program.commandsGroup('Say who may do what:');
  addRightsVerbs(grammar);
  program.commandsGroup('Learn and set up:');
  addShellVerbs(grammar);
  withExamples(program, firstSteps).addHelpText('after', furtherHelp);
  return { command: program, context, exitCode: () => exitCode };
}

const firstSteps = `
# a member; the rest in another shell
lockstep serve
lockstep put hello etcd
lockstep get hello
# what happens to all keys that begin alike
lockstep watch config/ --prefix
# three members, to kill one of them
lockstep dev`;

const furtherHelp = `
Variables: LOCKSTEP_ENDPOINTS names the members to talk to; "lockstep help environment" lists all.
Exit codes: 0 done, 1 refused, 2 no answer, 3 outcome unknown; see "lockstep help exit-codes".
A key or value that begins with "-" goes after "--": lockstep put -- -key -value`;

function shared(program: Command): Option[] {
  return program.options.filter(({ long }) => long !== '--version');
}

function placeOf(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The description of an option with its choices and default as commander tells them, but for flags. */
function described(option: Option): string {
  const { argChoices = [] } = option;
  const isNamed = (choice: string): boolean =>
    new RegExp(`\\b${choice}\\b`).test(option.description);
  const extra = argChoices.every(isNamed) ? [] : [argChoices.join(', ')];
  const { defaultValue } = option;
  if (typeof defaultValue === 'string') extra.push(`default ${defaultValue}`);
  return extra.length === 0 ? option.description : `${option.description} (${extra.join('; ')})`;
}

function contextOf(command: Command, io: Io): Context {
  const { endpoints, timeout, output, ...shared } = command.opts<SharedOptions>();
  const variable = io.env.LOCKSTEP_ENDPOINTS || undefined;
  const given = endpoints ?? variable ?? defaultEndpoint;
  const list = given.split(',').map((endpoint) => endpoint.trim());
  const named = list.filter((endpoint) => endpoint !== '');
  const endpointsFrom =
    endpoints !== undefined
      ? '--endpoints'
      : variable !== undefined
        ? 'LOCKSTEP_ENDPOINTS'
        : undefined;
  if (named.length === 0) {
    throw new UsageError(`${endpointsFrom} names no member; write for example ${defaultEndpoint}`);
  }
  return {
    io,
    endpoints: named,
    endpointsFrom,
    timeoutMs: durationMs(timeout, '--timeout'),
    output,
    tls: () => readTlsFiles(shared, io.env),
    auth: authOf(shared, io.env),
  };
}
