import { etcdFlagWords } from '@lockstep/server/etcd-flags';
import { Option } from 'commander';
import type { DevOptions } from '../verbs/dev.ts';
import type { ServeOptions } from '../verbs/serve.ts';
import { type Grammar, withExamples } from './grammar.ts';

/** Every setting of a member is a flag; its variable and its default are in the configuration. */
export const serveFlags: readonly (readonly [flag: string, description: string])[] = [
  ['--name <name>', 'this member, unique in the cluster (default)'],
  ['--listen <host:port>', 'where clients connect (127.0.0.1:2379)'],
  ['--advertise <host:port>', 'the same, as clients reach it (what --listen says)'],
  ['--peer-listen <host:port>', 'where members connect (the client port + 1)'],
  ['--peer-advertise <host:port>', 'the same, as members reach it (what --peer-listen says)'],
  ['--data-dir <directory>', 'what must survive (./lockstep-data)'],
  ['--initial-cluster <list>', 'name=host:port of all members with commas between (this one)'],
  ['--initial-cluster-state <state>', 'new, or existing: join the one that runs (new)'],
  ['--join <list>', 'the same, with host:port of its members, as they reach each other'],
  ['--initial-cluster-token <text>', 'the same for all members of one new cluster (lockstep)'],
  ['--allow-origin <origin...>', 'other origins a browser may come from'],
  ['--cert-file <file>', 'serve clients over TLS, with this certificate (PEM)'],
  ['--key-file <file>', 'its private key'],
  ['--trusted-ca-file <file>', 'authorities of clients; who shows no certificate is refused'],
  ['--client-cert-auth [yes]', 'the same, said aloud; needs --trusted-ca-file'],
  ['--client-crl-file <file>', 'certificates of clients that count no more'],
  ['--client-cert-allowed-cn <list>', 'clients by common name (all that are verified)'],
  ['--client-cert-allowed-hostname <list>', 'clients by DNS name or address'],
  ['--peer-cert-file <file>', 'speak TLS with members, with this certificate (PEM)'],
  ['--peer-key-file <file>', 'its private key'],
  ['--peer-trusted-ca-file <file>', 'authorities of members; they verify each other'],
  ['--peer-client-cert-auth [yes]', "the same, said aloud, as etcd's scripts do"],
  ['--peer-crl-file <file>', 'certificates of members that count no more'],
  ['--peer-cert-allowed-cn <list>', 'members by common name (all that are verified)'],
  ['--peer-cert-allowed-hostname <list>', 'members by DNS name or address'],
  ['--tls-min-version <version>', 'TLS1.2 or TLS1.3 (TLS1.2)'],
  ['--tls-max-version <version>', 'TLS1.2 or TLS1.3 (TLS1.3)'],
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
  ['--auth-token <kind>', 'simple, or jwt,sign-method=RS256,pub-key=FILE,priv-key=FILE (simple)'],
  ['--auth-token-ttl <seconds>', 'how long a simple token is good (300)'],
  ['--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (info)'],
];

export function addMemberVerbs({ program, context, run }: Grammar): void {
  const serve = program.command('serve').summary('run a member');
  serve.description('Runs one member until Ctrl-C, which stops it in order.');
  for (const [flag, description] of serveFlags) serve.option(flag, description);
  for (const flag of etcdFlagWords()) serve.addOption(new Option(flag).hideHelp());
  serve
    .option('--config <file>', 'YAML with the names of these flags as keys')
    .addHelpText(
      'after',
      '\nEach flag is also a variable (--data-dir: LOCKSTEP_DATA_DIR). Flag before variable before file.' +
        "\netcd's flags and ETCD_* variables are taken as well: README.md of the server lists them.",
    )
    .action(async (options: ServeOptions) =>
      run((await import('../verbs/serve.ts')).serve(context(), options)),
    );
  withExamples(
    serve,
    `
# a member of its own, with its data in ./lockstep-data
lockstep serve
# a second one beside it
lockstep serve --listen 127.0.0.1:4001 --data-dir ./second-data`,
  );
  const dev = program.command('dev').summary('run a local cluster, to try and to break');
  dev
    .description(
      'Runs a local cluster of real processes until Ctrl-C, and restarts those you kill.',
    )
    .addOption(new Option('--members <count>', 'how many: 1, 3 or 5').default('3'))
    .option('--data-dir <directory>', 'keep the data here (default: a temporary directory)')
    .option('--base-port <port>', 'client port of the first member; each takes two', '2379')
    .option('--no-restart', 'leave a killed member down')
    .action(async (options: DevOptions) =>
      run((await import('../verbs/dev.ts')).dev(context(), options)),
    );
  withExamples(
    dev,
    `
# three members, on 127.0.0.1:2379, 2381 and 2383
lockstep dev
# five of them, elsewhere
lockstep dev --members 5 --base-port 4000`,
  );
}
