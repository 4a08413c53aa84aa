import { type Command, Option } from 'commander';
import {
  type DelOptions,
  type PutOptions,
  withDelOptions,
  withGetOptions,
  withPutOptions,
  withSelection,
} from '../key-verbs.ts';
import type { GetVerbOptions } from '../verbs/get.ts';
import type { TxnOptions } from '../verbs/txn.ts';
import type { WatchOptions } from '../verbs/watch.ts';
import { type Grammar, typedLine, withExamples } from './grammar.ts';

export function addKeyVerbs(grammar: Grammar): void {
  addPut(grammar);
  addGet(grammar);
  addDel(grammar);
  addTxn(grammar);
  addWatch(grammar);
}

function addPut({ program, context, run }: Grammar): void {
  const put = withPutOptions(program.command('put <key> [value]'))
    .summary('write a key')
    .description('Writes a key. Without a value, it is read from standard input, byte for byte.')
    .action(async (key: string, value: string | undefined, options: PutOptions) =>
      run((await import('../verbs/put.ts')).put(context(), key, value, options)),
    );
  withExamples(
    put,
    `
# write a key, and read it
lockstep put hello etcd
lockstep get hello
# what another program says
date | lockstep put config/date
# a key that goes when its lease does
lockstep lease grant 600 --id 1
lockstep put workers/a busy --lease 1`,
  );
}

function addGet({ program, context, run }: Grammar): void {
  const get = withGetOptions(program.command('get <key> [range_end]'))
    .option('--watch', 'go on with what happens to the keys, until Ctrl-C')
    .summary('read keys')
    .description(
      'Reads a key, or all from it up to (and without) a range end. Of nothing it prints nothing.',
    )
    .action(async (key: string, end: string | undefined, options: GetVerbOptions) =>
      run((await import('../verbs/get.ts')).get(context(), key, end, options)),
    );
  withExamples(
    get,
    `
# one key, or all that begin alike
lockstep get hello
lockstep get config/ --prefix
# the names of all keys
lockstep get '' --prefix --keys-only
# with revisions and leases
lockstep get '' --prefix --output table
lockstep get hello --output json
# what is there, and then what happens to it
lockstep get config/ --prefix --watch`,
  );
}

function addDel({ program, context, run }: Grammar): void {
  const del = withDelOptions(program.command('del <key> [range_end]'))
    .summary('delete keys')
    .description(
      'Deletes a key, or all from it up to (and without) a range end, and prints how many.',
    )
    .action(async (key: string, end: string | undefined, options: DelOptions) =>
      run((await import('../verbs/del.ts')).del(context(), key, end, options)),
    );
  withExamples(
    del,
    `
lockstep del hello
# all that begin alike; print them as they were
lockstep del config/ --prefix --prev-kv`,
  );
}

function addTxn({ program, context, run }: Grammar): void {
  const txn = program
    .command('txn')
    .summary('put, get and del together, if conditions hold')
    .description('Runs puts, gets and dels at one revision, depending on conditions.')
    .option('-i, --interactive', 'say which section of the input comes next')
    .addHelpText('after', txnHelp)
    .action(async (options: TxnOptions) =>
      run((await import('../verbs/txn.ts')).txn(context(), options)),
    );
  withExamples(
    txn,
    `
# create a key if it is not there, else read it
printf '%s\\n' 'create("owner") = "0"' '' 'put owner me' '' 'get owner' '' | lockstep txn`,
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
quotes, with the escapes of Go (\\n, \\x00), or in single quotes, as they are.`;

function addWatch({ program, context, run }: Grammar): void {
  const watch = withSelection(program.command('watch <key> [range_end] [command...]'))
    .usage('[options] <key> [range_end] [-- command...]')
    .summary('print what happens to keys, or run a command for it')
    .description(
      'Prints what happens to a key, or to all from it up to (and without) a range end, until\n' +
        'Ctrl-C; or runs a command for each event, one after the other.',
    )
    .option('--also <key>', 'watch this key as well; may be given several times', collect)
    .option('--rev <revision>', 'begin with this revision')
    .option('--prev-kv', 'print the pair before the event as well')
    .option('--keys-only', 'print no values')
    .addOption(
      new Option('--filter <events>', 'leave out puts, or deletes').choices(['noput', 'nodelete']),
    )
    .option('--progress-notify', 'print now and then up to where nothing is missing')
    .option('--exit-on-error', 'end when the command fails, with exit code 4')
    .addHelpText('after', watchHelp)
    .action(
      async (
        _key: string,
        _end: string | undefined,
        _words: string[],
        options: WatchOptions,
        command: Command,
      ) => {
        const { watch } = await import('../verbs/watch.ts');
        const { parted } = await import('../watch-words.ts');
        return run(watch(context(), parted(command.args, typedLine(command)), options));
      },
    );
  withExamples(
    watch,
    `
lockstep watch config/ --prefix
# everything that happened to a key since revision 2
lockstep watch hello --rev 2
# run a command for each event
lockstep watch config/ --prefix -- sh -c 'echo "$LOCKSTEP_EVENT_TYPE $LOCKSTEP_KEY: $(cat)"'`,
  );
}

const watchHelp = `
The command gets the value on standard input, and in its environment:
  LOCKSTEP_EVENT_TYPE       put or delete
  LOCKSTEP_KEY              the key; if it is no text, LOCKSTEP_KEY_BASE64 instead
  LOCKSTEP_VALUE            the value, if it is text of at most 64 KiB (of a put)
  LOCKSTEP_VALUE_BYTES      its length
  LOCKSTEP_PREV_VALUE       the value before, under the same condition, with --prev-kv
  LOCKSTEP_REVISION         of the event
  LOCKSTEP_CREATE_REVISION  of the key (of a put)
  LOCKSTEP_VERSION          1 for a key that is new; 0 of a delete
  LOCKSTEP_LEASE            0 for none
and for scripts written for etcdctl ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY, ETCD_WATCH_VALUE (in
quotes, with the escapes of Go) and ETCD_WATCH_REVISION.

When the command fails, that is said and the watch goes on. Ctrl-C is handed to a command that runs,
and the watch ends when the command has; a second Ctrl-C kills it.`;

function collect(given: string, before: readonly string[] = []): readonly string[] {
  return [...before, given];
}
