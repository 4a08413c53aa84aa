import type { Command } from 'commander';
import type { FleetOptions, GroupOptions } from '../fleet/policy-options.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { repeated } from './repeated.ts';

export function addRebootPolicies(reboot: Command, grammar: Grammar): void {
  addGroups(reboot, grammar);
  addFleet(reboot, grammar);
}

function addGroups(reboot: Command, { context, run }: Grammar): void {
  const groups = reboot
    .command('groups')
    .helpCommand(false)
    .summary('declare groups, and say how many of each may be down, and when');
  groups.description(
    'Groups of hosts: each is declared, with how many of it may be down, and when.',
  );
  const set = withCalendar(
    groups
      .command('set <name>')
      .summary('declare a group, or change what is given of one')
      .description('Declares a group, or changes what is given of one; what is not given stays.')
      .option('--limit <limit>', 'how many may be down at once: 2, or 20% of its hosts'),
  )
    .option('--gap <duration>', 'from one reboot to the next: 5m')
    .option('--soak <duration>', 'checks must be green for so long after a boot (30s)')
    .option('--start-within <duration>', 'a slot that is not used within goes back (5m)')
    .option('--overdue-after <duration>', 'a host that is not back within has failed (30m)')
    .option('--break-after <count>', 'so many failures stop the group until "resume"; 0 never (2)')
    .option('--write-off <count>', 'so many hosts may be lost without taking up a slot (0)')
    .option('--boots-max <count>', 'so many boots for one cause and the host gets no more (3)')
    .option('--priority <number>', 'of groups that share a limit the highest goes first (0)')
    .option('--check <check>', 'what else must be green after a boot; several times', repeated)
    .option('--no-checks', 'no such check')
    .option('--token-file <file>', 'the token that FleetLock clients of the group must show')
    .option('--no-token', 'FleetLock clients need none')
    .addHelpText('after', setHelp)
    .action(async (name: string, options: GroupOptions) =>
      run((await import('../verbs/reboot-policy.ts')).groupsSet(context(), name, options)),
    );
  withExamples(
    set,
    `
lockstep reboot groups set web --limit 2
# a share of the hosts, on some nights, and not at the end of the year
lockstep reboot groups set db --limit 10% --window 'Sat 02:00-05:00' --time-zone Europe/Rome
lockstep reboot groups set db --check tcp:127.0.0.1:5432 --soak 2m --gap 10m`,
  );
  const get = groups
    .command('get [name]')
    .summary('print what is declared of a group, or of all')
    .description('Prints what is declared of a group, or of all, with the defaults.')
    .action(async (name: string | undefined) =>
      run((await import('../verbs/reboot-policy.ts')).groupsGet(context(), name)),
    );
  withExamples(get, 'lockstep reboot groups get\nlockstep reboot groups get web --output json');
}

function addFleet(reboot: Command, { context, run }: Grammar): void {
  const fleet = reboot
    .command('fleet')
    .helpCommand(false)
    .summary('say what holds for all groups together');
  fleet.description('What holds for all groups together, beside what each group says.');
  const set = withCalendar(
    fleet
      .command('set')
      .summary('change what is given of it')
      .description('Changes what holds for all groups together; what is not given stays.')
      .option('--limit <limit>', 'how many of all hosts may be down at once: 5, or 10%')
      .option('--no-limit', 'as many as the groups allow')
      .option('--zone-limit <limit>', 'how many of each zone, which is a rack or a region')
      .option('--no-zone-limit', 'as many as the groups allow'),
  )
    .option('--gap <duration>', 'from one reboot to the next, whatever their groups')
    .option(
      '--break-after <count>',
      'so many failures with a version, and nobody boots into it (3)',
    )
    .option('--write-off <count>', 'so many hosts may be lost without taking up a slot (0)')
    .action(async (options: FleetOptions) =>
      run((await import('../verbs/reboot-policy.ts')).fleetSet(context(), options)),
    );
  withExamples(
    set,
    `
lockstep reboot fleet set --limit 10% --zone-limit 3
lockstep reboot fleet set --blackout '2027-12-20..2028-01-02 00:00-24:00'`,
  );
  const get = fleet
    .command('get')
    .summary('print what holds for all groups together')
    .description('Prints what holds for all groups together, with the defaults.')
    .action(async () => run((await import('../verbs/reboot-policy.ts')).fleetGet(context())));
  withExamples(get, 'lockstep reboot fleet get\nlockstep reboot fleet get --output table');
}

function withCalendar(command: Command): Command {
  return command
    .option('--window <window>', 'when reboots may begin; several times', repeated)
    .option('--no-windows', 'reboots may begin always')
    .option('--blackout <window>', 'when none may begin, whatever the windows; several', repeated)
    .option('--no-blackouts', 'no blackout')
    .option('--time-zone <zone>', 'of windows that name none: Europe/Berlin (UTC)');
}

const setHelp = `
A list that is given replaces the one that is there. Checks: unit:nginx.service, http://...,
https://..., tcp:127.0.0.1:5432, command:LINE of the shell, key:KEY of the store; {id} in it is the
host's id.`;
