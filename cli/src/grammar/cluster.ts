import type { Command } from 'commander';
import type { CompactOptions } from '../verbs/compact.ts';
import type { HealthOptions } from '../verbs/health.ts';
import type { StatusOptions } from '../verbs/status.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { addMembershipVerbs } from './membership.ts';

export function addClusterVerbs(grammar: Grammar): void {
  const { program, context, run } = grammar;
  const endpoint = program
    .command('endpoint')
    .helpCommand(false)
    .summary('the members you talk to: status, health');
  endpoint.description(
    'What each endpoint (see --endpoints) says of itself, and whether it can serve.',
  );
  addStatus(endpoint, grammar, 'endpoint status');
  addHealth(endpoint, grammar, 'endpoint health');
  addStatus(program, grammar, 'status');
  addHealth(program, grammar, 'health');
  addMembershipVerbs(grammar);
  const move = program
    .command('move-leader <member>')
    .summary('hand leadership to a member')
    .description('Hands leadership to a member, by name or id; "lockstep member list" tells both.')
    .action(async (target: string) =>
      run((await import('../verbs/move-leader.ts')).moveLeader(context(), target)),
    );
  withExamples(move, '# in the cluster of "lockstep dev"\nlockstep move-leader b');
  const compact = program
    .command('compact <revision>')
    .alias('compaction')
    .summary('drop the history below a revision')
    .description(
      'Drops the history below a revision by hand. Members do it by themselves after an hour.',
    )
    .option('--physical', 'wait until the member has freed the memory')
    .action(async (revision: string, options: CompactOptions) =>
      run((await import('../verbs/compact.ts')).compact(context(), revision, options)),
    );
  withExamples(
    compact,
    '# at most the revision that this tells\nlockstep status\nlockstep compact 2',
  );
  const alarm = program
    .command('alarm')
    .helpCommand(false)
    .summary('what keeps the cluster from writing');
  alarm.description('Alarms: nospace keeps the cluster from taking what needs room.');
  const alarms = alarm
    .command('list')
    .summary('print the alarms that are on')
    .description('Prints the alarms that are on; nothing when there is none.')
    .action(async () => run((await import('../verbs/alarm.ts')).alarmList(context())));
  withExamples(alarms, 'lockstep alarm list');
  const disarm = alarm
    .command('disarm')
    .summary('clear all alarms')
    .description('Clears all alarms and prints those that were on.')
    .action(async () => run((await import('../verbs/alarm.ts')).alarmDisarm(context())));
  withExamples(disarm, 'lockstep alarm disarm');
}

function addStatus(at: Command, { context, run }: Grammar, verb: string): void {
  const status = at
    .command('status')
    .summary('what each endpoint says of itself')
    .description('Prints what the member at each endpoint says of itself: role, revision, keys ...')
    .option('--cluster', 'of every member of the cluster')
    .action(async (options: StatusOptions) =>
      run((await import('../verbs/status.ts')).status(context(), options)),
    );
  withExamples(status, `lockstep ${verb}\nlockstep ${verb} --cluster --output table`);
}

function addHealth(at: Command, { context, run }: Grammar, verb: string): void {
  const health = at
    .command('health')
    .summary('whether each endpoint can serve')
    .description(
      'Reads through each endpoint, which needs a quorum behind it. Exit code 0 if all can serve.',
    )
    .option('--cluster', 'of every member of the cluster')
    .action(async (options: HealthOptions) =>
      run((await import('../verbs/health.ts')).health(context(), options)),
    );
  withExamples(health, `lockstep ${verb}\nlockstep ${verb} --cluster`);
}
