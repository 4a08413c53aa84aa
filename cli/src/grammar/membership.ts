import { type Command, Option } from 'commander';
import type { MemberAddOptions, MemberReplaceOptions } from '../verbs/member-changes.ts';
import type { MemberListOptions } from '../verbs/member-list.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { addRecoverVerb } from './snapshots.ts';

const peerAddress = ['--peer-address <host:port>', 'where the members will reach it'] as const;
const who = 'by name, id or peer address';

export function addMembershipVerbs(grammar: Grammar): void {
  const { program, context, run } = grammar;
  const member = program
    .command('member')
    .helpCommand(false)
    .summary('the members of the cluster: list, add, replace, recover ...');
  member.description('The members of the cluster, and the changes of that while it runs.');
  addList(member, grammar);
  const add = member
    .command('add <name>')
    .summary('add a member, and print how to start it')
    .description(
      'Adds a member and prints what to start on its machine. It begins as a learner, and votes\n' +
        'when it has caught up.',
    )
    .requiredOption(...peerAddress)
    .option('--learner', 'it stays a learner until "member promote"')
    .action(async (name: string, options: MemberAddOptions) =>
      run((await import('../verbs/member-changes.ts')).memberAdd(context(), name, options)),
    );
  withExamples(add, 'lockstep member add d --peer-address 127.0.0.1:4010');
  const update = member
    .command('update <member>')
    .summary('tell where a member is reached from now on')
    .description(`Tells the members where one of them, ${who}, is reached from now on.`)
    .requiredOption(...peerAddress)
    .action(async (name: string, options: { readonly peerAddress: string }) =>
      run((await import('../verbs/member-changes.ts')).memberUpdate(context(), name, options)),
    );
  withExamples(update, 'lockstep member update 127.0.0.1:4010 --peer-address 127.0.0.1:4012');
  const promote = member
    .command('promote <member>')
    .summary('make a voter of a learner')
    .description(
      `Makes a voter of a learner, ${who}, that was added with --learner and has caught up.`,
    )
    .action(async (name: string) =>
      run((await import('../verbs/member-changes.ts')).memberPromote(context(), name)),
    );
  withExamples(promote, 'lockstep member promote d');
  const replace = member
    .command('replace <member>')
    .summary('put a new member in the place of one')
    .description(
      `Adds a member that takes the place of another, ${who}, once it has caught up: one change,\n` +
        'with no voter more or less at any moment. Prints what to start on its machine.',
    )
    .option(peerAddress[0], `${peerAddress[1]} (that of the old one, if it is gone)`)
    .option('--name <name>', 'its name (that of the old one)')
    .action(async (name: string, options: MemberReplaceOptions) =>
      run((await import('../verbs/member-changes.ts')).memberReplace(context(), name, options)),
    );
  withExamples(replace, 'lockstep member replace c --peer-address 127.0.0.1:4014');
  const remove = member
    .command('remove <member>')
    .summary('take a member out of the cluster')
    .description(`Takes a member, ${who}, out of the cluster. Its id never returns.`)
    .action(async (name: string) =>
      run((await import('../verbs/member-changes.ts')).memberRemove(context(), name)),
    );
  withExamples(
    remove,
    '# those of the other examples, which were never started\n' +
      'lockstep member remove 127.0.0.1:4012\nlockstep member remove 127.0.0.1:4014',
  );
  addRecoverVerb(member, grammar);
}

function addList(member: Command, { context, run }: Grammar): void {
  const list = member
    .command('list')
    .summary('print the members of the cluster')
    .description('Prints id, state, name, addresses and kind of each member of the cluster.')
    .addOption(
      new Option('--consistency <level>', 'l: linearizable; s: as the member at hand knows them')
        .choices(['l', 's'])
        .default('l'),
    )
    .action(async (options: MemberListOptions) =>
      run((await import('../verbs/member-list.ts')).memberList(context(), options)),
    );
  withExamples(list, 'lockstep member list\nlockstep member list --output table');
}
