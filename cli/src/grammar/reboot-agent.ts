import type { Command } from 'commander';
import type { AgentOptions } from '../fleet/agent-options.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { repeated } from './repeated.ts';

export function addRebootAgent(reboot: Command, { context, run }: Grammar): void {
  const agent = reboot
    .command('agent')
    .summary('speak for this host: ask for slots, drain, reboot, verify')
    .description(
      'Speaks for this host until it is told to stop: asks for a slot when a reboot is needed, drains and\n' +
        'reboots the host, and gives the slot back when its checks are green again. Run it as a service.',
    )
    .requiredOption('--group <name>', 'the group of this host')
    .option('--zone <zone>', 'its rack or region')
    .option('--id <id>', 'who it is in the fleet (a hash of the machine id)')
    .option('--name <name>', 'what people call it (the host name)')
    .option('--member <name>', "the store's member that runs on it")
    .option('--source <source>', 'who knows that a reboot is needed; several times', repeated)
    .option('--check <check>', 'what must be green after a boot; several times', repeated)
    .option('--drain <command>', 'takes work off the host before it reboots')
    .option('--undrain <command>', 'gives it work again')
    .option('--reboot-command <command>', 'reboots (systemctl --check-inhibitors=yes reboot)')
    .option('--version-command <command>', 'prints what runs (the release of the kernel)')
    .option('--target-command <command>', 'prints what will run after the reboot')
    .option('--hook-timeout <duration>', 'for each of these commands', '10m')
    .option('--poll <duration>', 'how often it looks whether a reboot is needed', '1m')
    .option('--leave-within <duration>', 'still up so long after the reboot is a failure', '5m')
    .option('--verify-within <duration>', 'checks red for so long after the boot are one', '10m')
    .option('--ttl <duration>', 'without a sign of life for so long it counts as down', '60s')
    .option('--state-dir <directory>', 'its secret is kept there', '/var/lib/lockstep-reboot')
    .option('--boot-id-file <file>', "the boot's id, in containers and tests (the kernel's)")
    .option('--no-coordinate', 'leave it to others to grant slots')
    .option('--dry-run', 'tell what it sees and would do, and end')
    .addHelpText('after', agentHelp)
    .action(async (options: AgentOptions) =>
      run((await import('../verbs/reboot-agent.ts')).rebootAgent(context(), options)),
    );
  withExamples(
    agent,
    `
lockstep reboot agent --group web --id w2 --dry-run
# needs no privileges, and reboots nothing
lockstep reboot agent --group web --id w2 --state-dir agent --reboot-command 'echo now'`,
  );
}

const agentHelp = `
Sources: debian, suse, needs-restarting, rpm-ostree, file:/PATH, and command:LINE, which exits with
0 for yes and 1 for no; any other end is no answer. Without any, those that fit this host are asked.
Checks: as of "lockstep reboot groups set", which may add some.

Commands are lines of the shell and have in their environment:
  LOCKSTEP_HOST, LOCKSTEP_GROUP, LOCKSTEP_GRANT  who has which slot
  LOCKSTEP_REASON                                why a reboot is needed
  LOCKSTEP_PHASE                                 drain, undrain or reboot
A drain that fails gives the slot back. An agent that is killed goes on where it was: a command that
it had begun is run again, so each must bear that.

With --dry-run nothing is written to the store or to the state directory, and no slot is held: it
tells what its sources, checks and group say, whether it would be granted a slot, and why not.`;
