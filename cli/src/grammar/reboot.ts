import { type Command, Option } from 'commander';
import type { HistoryOptions } from '../verbs/reboot-history.ts';
import type { ReasonOption, TargetOptions } from '../verbs/reboot-orders.ts';
import type { StatusOptions } from '../verbs/reboot-status.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { addRebootAgent } from './reboot-agent.ts';
import { addRebootFleetLock, addRebootServe } from './reboot-fleetlock.ts';
import { addRebootImport } from './reboot-import.ts';
import { addRebootPolicies } from './reboot-policies.ts';

export function addRebootVerbs(grammar: Grammar): void {
  const reboot = grammar.program
    .command('reboot')
    .helpCommand(false)
    .summary('reboot the hosts of a fleet for updates, so many at a time');
  reboot.description(
    'Reboots the hosts of a fleet for OS updates: never too many at once, only inside windows, and on\n' +
      'only when those that went down serve again. An agent on each host asks for a slot, and gives it\n' +
      'back on evidence. HOST is the id of a host, or its name.',
  );
  reboot.commandsGroup('Say what may happen:');
  addRebootPolicies(reboot, grammar);
  reboot.commandsGroup('Look:');
  addStatus(reboot, grammar);
  addHistory(reboot, grammar);
  reboot.commandsGroup('Intervene:');
  addTargetOrders(reboot, grammar);
  addHostOrders(reboot, grammar);
  reboot.commandsGroup('Take part:');
  addRebootAgent(reboot, grammar);
  addRebootServe(reboot, grammar);
  addRebootFleetLock(reboot, grammar);
  addRebootImport(reboot, grammar);
}

function addStatus(reboot: Command, { context, run }: Grammar): void {
  const status = reboot
    .command('status [host]')
    .summary('print who holds a slot, who waits and why, and who is down')
    .description(
      'Prints for each group its slots, windows and what holds it, who has a slot and in which step, who\n' +
        'waits in which place and why, and who is down. Of a host it prints why it does not reboot.',
    )
    .option('--group <name>', 'of this group only, with its whole queue')
    .option('--watch', 'redraw the terminal as it changes, or print what has changed, until Ctrl-C')
    .action(async (host: string | undefined, options: StatusOptions) =>
      run((await import('../verbs/reboot-status.ts')).rebootStatus(context(), host, options)),
    );
  withExamples(
    status,
    `
lockstep reboot status
lockstep reboot status --group web --output table
# as it changes
lockstep reboot status --watch`,
  );
}

function addHistory(reboot: Command, { context, run }: Grammar): void {
  const history = reboot
    .command('history')
    .summary('print who was granted what, how it ended, and who intervened')
    .description(
      'Prints the newest rows of the history, oldest first: each step, order and change.',
    )
    .option('--host <host>', 'of this host only, by id or name')
    .option('--group <name>', 'of this group only')
    .option('--limit <count>', 'at most so many', '100')
    .option('--follow', 'go on with those to come, until Ctrl-C')
    .action(async (options: HistoryOptions) =>
      run((await import('../verbs/reboot-history.ts')).history(context(), options)),
    );
  withExamples(
    history,
    `
lockstep reboot history --group web --limit 20
lockstep reboot history --follow --output json`,
  );
}

function addTargetOrders(reboot: Command, { context, run }: Grammar): void {
  const withTarget = (command: Command): Command =>
    command
      .option('--host <host>', 'one host, by id or name')
      .option('--group <name>', 'a group')
      .option('--all', 'the whole fleet')
      .option('--reason <text>', 'why, for the history and for those who ask');
  const pause = withTarget(
    reboot
      .command('pause')
      .summary('grant nothing to a host, a group or all, until "resume"')
      .description(
        'Grants no more slots to a host, a group or the whole fleet. Who has one and has not gone down yet\n' +
          'gives it back; who has goes on to its end.',
      ),
  ).action(async (options: TargetOptions) =>
    run((await import('../verbs/reboot-orders.ts')).pause(context(), options)),
  );
  withExamples(
    pause,
    `
lockstep reboot pause --group web --reason 'the sale is on'
lockstep reboot pause --all`,
  );
  const resume = withTarget(
    reboot
      .command('resume')
      .summary('end a pause, close breakers, end the quarantine of a host')
      .description(
        'Ends a pause. Of a group or the fleet it also closes the breakers and forgets the failures that\n' +
          'opened them; of a host it ends the quarantine for rebooting again and again, and takes back what\n' +
          '"now" ordered.',
      ),
  ).action(async (options: TargetOptions) =>
    run((await import('../verbs/reboot-orders.ts')).resume(context(), options)),
  );
  withExamples(
    resume,
    `
lockstep reboot resume --group web
lockstep reboot resume --all --reason 'the image is mended'`,
  );
}

function addHostOrders(reboot: Command, { context, run }: Grammar): void {
  const now = reboot
    .command('now <host>')
    .summary('let a host reboot as the next one of its group')
    .description(
      'The host reboots as the next one of its group, whether it needs to or not. Limits, windows, pauses\n' +
        'and checks hold all the same.',
    )
    .option('--reason <text>', 'why, for the history')
    .action(async (host: string, options: ReasonOption) =>
      run((await import('../verbs/reboot-orders.ts')).now(context(), host, options)),
    );
  withExamples(
    now,
    `${hostForATry}
lockstep reboot now web-1 --reason 'a new kernel'`,
  );
  const release = reboot
    .command('release <host>')
    .summary('take the slot of a host that will not give it back')
    .description(
      'Frees the slot of a host, and others go on. The host may be down, so a --reason is kept in the\n' +
        'history. If it comes back with the old slot it is refused.',
    )
    .addOption(new Option('--reason <text>', 'why, for the history (it must be given)'))
    .action(async (host: string, options: ReasonOption) =>
      run((await import('../verbs/reboot-orders.ts')).release(context(), host, options)),
    );
  withExamples(
    release,
    `${hostForATry}
lockstep reboot release web-1 --reason 'its board is broken'`,
  );
  const decommission = reboot
    .command('decommission <host>')
    .summary('forget a host that is gone for good, and free its slot')
    .description(
      'Removes the record of a host, and its slot. Its failures still count. An agent that runs under its\n' +
        'id ends; when it is started again it is a new host.',
    )
    .option('--reason <text>', 'why, for the history')
    .action(async (host: string, options: ReasonOption) =>
      run((await import('../verbs/reboot-orders.ts')).decommission(context(), host, options)),
    );
  withExamples(
    decommission,
    `${hostForATry}
lockstep reboot decommission web-1 --reason 'scaled down'`,
  );
}

/** The orders for a host need one that holds a slot. */
const hostForATry = `
# a host for a try
echo '{"total_slots":1,"holders":["web-1"]}' > web-1.json
lockstep reboot import airlock web-1.json --group web --apply`;
