/** The command line: every verb and option, none of the work. Each verb's module is loaded when it runs. */
import { Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import type { Context, Io, OutputFormat } from './io.ts';
import { durationMs } from './selection.ts';
import type { DelOptions } from './verbs/del.ts';
import type { DevOptions } from './verbs/dev.ts';
import type { GetOptions } from './verbs/get.ts';
import type { HealthOptions } from './verbs/health.ts';
import type { PutOptions } from './verbs/put.ts';
import type { ServeOptions } from './verbs/serve.ts';
import type { StatusOptions } from './verbs/status.ts';
import type { WatchOptions } from './verbs/watch.ts';

export const version = '0.1.0';
const defaultEndpoint = '127.0.0.1:2379';

interface SharedOptions {
  readonly endpoints?: string;
  readonly timeout: string;
  readonly output: OutputFormat;
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
  const command = new Command('lockstep');
  const context = (): Context => contextOf(command, io);
  const run = async (verb: Promise<number>): Promise<void> => {
    exitCode = await verb;
  };
  command
    .description('Coordination for fleets and Node services: a replicated store with watches.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .option(
      '--endpoints <list>',
      `members to talk to, host:port with commas between (LOCKSTEP_ENDPOINTS, or ${defaultEndpoint})`,
    )
    .option('--timeout <duration>', 'how long a call may take: 5s, 500ms, 1m', '5s')
    .addOption(
      new Option('-w, --output <format>', 'table is for status, health and member list')
        .choices(['simple', 'json', 'table'])
        .default('simple'),
    );
  addMemberVerbs(command, context, run);
  addKeyVerbs(command, context, run);
  addClusterVerbs(command, context, run);
  return { command, context, exitCode: () => exitCode };
}

type Run = (verb: Promise<number>) => Promise<void>;

function contextOf(command: Command, io: Io): Context {
  const { endpoints, timeout, output } = command.opts<SharedOptions>();
  const given = endpoints ?? (io.env.LOCKSTEP_ENDPOINTS || defaultEndpoint);
  const list = given.split(',').map((endpoint) => endpoint.trim());
  const named = list.filter((endpoint) => endpoint !== '');
  if (named.length === 0) {
    throw new UsageError(`--endpoints names no member; write for example ${defaultEndpoint}`);
  }
  return {
    io,
    endpoints: named,
    timeoutMs: durationMs(timeout, '--timeout'),
    output,
  };
}

/** Every setting of a member is a flag; its variable and its default are in the configuration. */
export const serveFlags: readonly (readonly [flag: string, description: string])[] = [
  ['--name <name>', 'this member, unique in the cluster (default)'],
  ['--listen <host:port>', 'where clients connect (127.0.0.1:2379)'],
  ['--advertise <host:port>', 'the same, as clients reach it (what --listen says)'],
  ['--peer-listen <host:port>', 'where members connect (the client port + 1)'],
  ['--peer-advertise <host:port>', 'the same, as members reach it (what --peer-listen says)'],
  ['--data-dir <directory>', 'what must survive (./lockstep-data)'],
  ['--initial-cluster <list>', 'name=host:port of all members with commas between (this one)'],
  ['--initial-cluster-token <text>', 'the same for all members of one new cluster (lockstep)'],
  ['--allow-origin <origin...>', 'other origins a browser may come from'],
  ['--heartbeat-ms <ms>', 'the leader tells that it lives (100)'],
  ['--election-ms <ms>', 'silence after which another is elected (1000)'],
  ['--wal-segment-bytes <bytes>', 'size of one file of the log (64 MiB)'],
  ['--snapshot-bytes-min <bytes>', 'growth of the log before a snapshot (64 MiB)'],
  ['--log-entries-kept <count>', 'entries kept in memory for slow members (5000)'],
  ['--log-bytes-kept <bytes>', 'the same by size (64 MiB)'],
  ['--uncommitted-bytes-max <bytes>', 'writes under way before more are refused (64 MiB)'],
  ['--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (info)'],
];

function addMemberVerbs(program: Command, context: () => Context, run: Run): void {
  const serve = program.command('serve').description('run a member');
  for (const [flag, description] of serveFlags) serve.option(flag, description);
  serve
    .option('--config <file>', 'YAML with the names of these flags as keys')
    .addHelpText(
      'after',
      '\nEach flag is also a variable (--data-dir: LOCKSTEP_DATA_DIR). Flag before variable before file.',
    )
    .action(async (options: ServeOptions) =>
      run((await import('./verbs/serve.ts')).serve(context(), options)),
    );
  program
    .command('dev')
    .description('run a local cluster of real processes, to try and to break')
    .option('--members <count>', '1, 3 or 5', '3')
    .option('--data-dir <directory>', 'keep the data here (default: a temporary directory)')
    .option('--base-port <port>', 'client port of the first member; each takes two', '2379')
    .option('--no-restart', 'leave a killed member down')
    .action(async (options: DevOptions) =>
      run((await import('./verbs/dev.ts')).dev(context(), options)),
    );
}

function addKeyVerbs(program: Command, context: () => Context, run: Run): void {
  program
    .command('put <key> [value]')
    .description('write a key; without a value, it is read from standard input')
    .option('--prev-kv', 'print the pair as it was before')
    .action(async (key: string, value: string | undefined, options: PutOptions) =>
      run((await import('./verbs/put.ts')).put(context(), key, value, options)),
    );
  selecting(program.command('get <key> [range_end]'))
    .description('read a key, or those from it up to a range end')
    .option('--keys-only', 'print keys only, one per line')
    .option('--print-value-only', 'print values only')
    .option('--count-only', 'print the number of keys')
    .option('--limit <count>', 'at most so many keys')
    .option('--rev <revision>', 'as it was at this revision')
    .addOption(
      new Option('--consistency <level>', 'l: linearizable; s: from the member at hand, at once')
        .choices(['l', 's'])
        .default('l'),
    )
    .action(async (key: string, end: string | undefined, options: GetOptions) =>
      run((await import('./verbs/get.ts')).get(context(), key, end, options)),
    );
  selecting(program.command('del <key> [range_end]'))
    .description('delete a key, or those from it up to a range end')
    .option('--prev-kv', 'print the deleted pairs')
    .action(async (key: string, end: string | undefined, options: DelOptions) =>
      run((await import('./verbs/del.ts')).del(context(), key, end, options)),
    );
  selecting(program.command('watch <key> [range_end]'))
    .description('print what happens to keys, until Ctrl-C')
    .option('--rev <revision>', 'begin with this revision')
    .option('--prev-kv', 'print the pair before the event as well')
    .action(async (key: string, end: string | undefined, options: WatchOptions) =>
      run((await import('./verbs/watch.ts')).watch(context(), key, end, options)),
    );
}

function selecting(command: Command): Command {
  return command
    .option('--prefix', 'all keys that start with the key')
    .option('--from-key', 'all keys from the key on');
}

function addClusterVerbs(program: Command, context: () => Context, run: Run): void {
  program
    .command('status')
    .description('what each endpoint says of itself')
    .option('--cluster', 'of every member of the cluster')
    .action(async (options: StatusOptions) =>
      run((await import('./verbs/status.ts')).status(context(), options)),
    );
  program
    .command('health')
    .description('whether each endpoint can serve; exit code 0 if all can')
    .option('--cluster', 'of every member of the cluster')
    .action(async (options: HealthOptions) =>
      run((await import('./verbs/health.ts')).health(context(), options)),
    );
  program
    .command('member')
    .description('the members of the cluster')
    .command('list')
    .description('print the members of the cluster')
    .action(async () => run((await import('./verbs/member-list.ts')).memberList(context())));
  program
    .command('move-leader <member>')
    .description('hand leadership to a member, by name or id')
    .action(async (member: string) =>
      run((await import('./verbs/move-leader.ts')).moveLeader(context(), member)),
    );
}
