/** The command line: every verb and option, none of the work. Each verb's module is loaded when it runs. */
import { Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import type { Context, Io, OutputFormat } from './io.ts';
import {
  type DelOptions,
  type GetOptions,
  type PutOptions,
  withDelOptions,
  withGetOptions,
  withPutOptions,
  withSelection,
} from './key-verbs.ts';
import { durationMs } from './selection.ts';
import type { CompactOptions } from './verbs/compact.ts';
import type { DevOptions } from './verbs/dev.ts';
import type { HealthOptions } from './verbs/health.ts';
import type { KeepAliveOptions, LeaseGrantOptions, TimeToLiveOptions } from './verbs/lease.ts';
import type { ServeOptions } from './verbs/serve.ts';
import type { StatusOptions } from './verbs/status.ts';
import type { TxnOptions } from './verbs/txn.ts';
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
  addLeaseVerbs(command, context, run);
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
  ['--quota-bytes <bytes>', 'estimated memory of keys and history (2 GiB, or half the heap limit)'],
  ['--auto-compaction-mode <mode>', 'drop old history: periodic, revision or off (periodic)'],
  ['--auto-compaction-retention-ms <ms>', 'for periodic: keep so much time (1 hour)'],
  ['--auto-compaction-revisions <count>', 'for revision: keep so many (100000)'],
  ['--hash-check-ms <ms>', 'how often the members compare their states (1 minute)'],
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
  withPutOptions(program.command('put <key> [value]'))
    .description('write a key; without a value, it is read from standard input')
    .action(async (key: string, value: string | undefined, options: PutOptions) =>
      run((await import('./verbs/put.ts')).put(context(), key, value, options)),
    );
  withGetOptions(program.command('get <key> [range_end]'))
    .description('read a key, or those from it up to a range end')
    .action(async (key: string, end: string | undefined, options: GetOptions) =>
      run((await import('./verbs/get.ts')).get(context(), key, end, options)),
    );
  withDelOptions(program.command('del <key> [range_end]'))
    .description('delete a key, or those from it up to a range end')
    .action(async (key: string, end: string | undefined, options: DelOptions) =>
      run((await import('./verbs/del.ts')).del(context(), key, end, options)),
    );
  program
    .command('txn')
    .description('run put, get and del at one revision, depending on conditions')
    .option('-i, --interactive', 'say which section of the input comes next')
    .addHelpText('after', txnHelp)
    .action(async (options: TxnOptions) =>
      run((await import('./verbs/txn.ts')).txn(context(), options)),
    );
  withSelection(program.command('watch <key> [range_end]'))
    .description('print what happens to keys, until Ctrl-C')
    .option('--also <key>', 'watch this key as well; may be given several times', collect)
    .option('--rev <revision>', 'begin with this revision')
    .option('--prev-kv', 'print the pair before the event as well')
    .option('--keys-only', 'print no values')
    .addOption(
      new Option('--filter <events>', 'leave out puts, or deletes').choices(['noput', 'nodelete']),
    )
    .option('--progress-notify', 'print now and then up to where nothing is missing')
    .action(async (key: string, end: string | undefined, options: WatchOptions) =>
      run((await import('./verbs/watch.ts')).watch(context(), key, end, options)),
    );
}

const txnHelp = `
Standard input has three sections, each ended by an empty line: conditions, what to do if all of
them hold, and what to do if not. For example:

  mod("key1") > "0"

  put key1 "overwrote key1"
  get key1

  put key1 "created key1"

Conditions are on version, create, mod, value or lease, with = != < or >. Words may be in double
quotes, with the escapes of Go (\n, \x00), or in single quotes, as they are.`;

function collect(given: string, before: readonly string[] = []): readonly string[] {
  return [...before, given];
}

function addLeaseVerbs(program: Command, context: () => Context, run: Run): void {
  const lease = program.command('lease').description('leases: keys that end with their lease');
  lease
    .command('grant <ttl>')
    .description('make a lease of so many seconds')
    .option('--id <id>', 'its id; without one, the cluster chooses')
    .action(async (ttl: string, options: LeaseGrantOptions) =>
      run((await import('./verbs/lease.ts')).leaseGrant(context(), ttl, options)),
    );
  lease
    .command('revoke <id>')
    .description('end a lease and delete its keys')
    .action(async (id: string) =>
      run((await import('./verbs/lease.ts')).leaseRevoke(context(), id)),
    );
  lease
    .command('keep-alive <id>')
    .description('renew a lease until Ctrl-C')
    .option('--once', 'renew it once')
    .action(async (id: string, options: KeepAliveOptions) =>
      run((await import('./verbs/lease.ts')).leaseKeepAlive(context(), id, options)),
    );
  lease
    .command('timetolive <id>')
    .description('print what is left of a lease')
    .option('--keys', 'print its keys as well')
    .action(async (id: string, options: TimeToLiveOptions) =>
      run((await import('./verbs/lease.ts')).leaseTimeToLive(context(), id, options)),
    );
  lease
    .command('list')
    .description('print the ids of all leases')
    .action(async () => run((await import('./verbs/lease.ts')).leaseList(context())));
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
    .command('compact <revision>')
    .alias('compaction')
    .description('drop the history below a revision')
    .option('--physical', 'wait until the member has freed the memory')
    .action(async (revision: string, options: CompactOptions) =>
      run((await import('./verbs/compact.ts')).compact(context(), revision, options)),
    );
  const alarm = program.command('alarm').description('what keeps the cluster from writing');
  alarm
    .command('list')
    .description('print the alarms that are on')
    .action(async () => run((await import('./verbs/alarm.ts')).alarmList(context())));
  alarm
    .command('disarm')
    .description('clear all alarms')
    .action(async () => run((await import('./verbs/alarm.ts')).alarmDisarm(context())));
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
