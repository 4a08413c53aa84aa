import type { Command } from 'commander';
import type { FleetLockOptions } from '../verbs/reboot-fleetlock.ts';
import type { RebootServeOptions } from '../verbs/reboot-serve.ts';
import { type Grammar, withExamples } from './grammar.ts';

export function addRebootServe(reboot: Command, { context, run }: Grammar): void {
  const serve = reboot
    .command('serve')
    .summary('grant slots, and serve FleetLock, metrics and health')
    .description(
      'Grants reboots while it is elected to, answers hosts that speak FleetLock (Fedora CoreOS and others),\n' +
        'serves /metrics and /healthz, and prints what happens to standard error. Until Ctrl-C.',
    )
    .option('--listen <host:port>', 'where hosts ask', '127.0.0.1:3333')
    .option('--hold <duration>', 'how long a request waits for a slot before it is refused', '10s')
    .option('--base-path <path>', 'where /v1/pre-reboot and /v1/steady-state are (/)')
    .option('--notify <url>', 'a webhook that is told what happens; may be repeated', repeated, [])
    .option('--no-coordinate', 'leave granting to others')
    .option('--cert-file <file>', 'serve HTTPS, with this certificate')
    .option('--key-file <file>', 'and this key')
    .option('--client-ca <file>', 'let in only those with a certificate of this authority')
    .option('--client-cert-groups', 'and only for the group that it names as its CN or OU')
    .addHelpText('after', serveHelp)
    .action(async (options: RebootServeOptions) =>
      run((await import('../verbs/reboot-serve.ts')).rebootServe(context(), options)),
    );
  withExamples(
    serve,
    `
lockstep reboot serve
# for the whole network, with what happens sent to a chat
lockstep reboot serve --listen 0.0.0.0:3333 --notify https://chat.example/hooks/1`,
  );
}

export function addRebootFleetLock(reboot: Command, { context, run }: Grammar): void {
  const fleetlock = reboot
    .command('fleetlock')
    .helpCommand(false)
    .summary('take and give back a slot from any job: lock, unlock');
  fleetlock.description('Asks any FleetLock server, as a host does, from a job of your own.');
  const lock = withHost(fleetlock.command('lock'))
    .summary('wait for a slot of a group')
    .description(
      'Asks until it has a slot, which it then holds, whatever happens, until "fleetlock unlock".',
    )
    .option('--wait <duration>', 'wait at most so long; without it, as long as it takes')
    .addHelpText('after', lockHelp)
    .action(async (options: FleetLockOptions) =>
      run((await import('../verbs/reboot-fleetlock.ts')).fleetLock(context(), options)),
    );
  const [url, id] = ['http://127.0.0.1:3333', 'job-1'];
  withExamples(
    lock,
    `lockstep reboot fleetlock lock --url ${url} --group jobs --id ${id} --wait 10m`,
  );
  const unlock = withHost(fleetlock.command('unlock'))
    .summary('give the slot of a group back')
    .description('Gives the slot back; that none is held is fine too.')
    .action(async (options: FleetLockOptions) =>
      run((await import('../verbs/reboot-fleetlock.ts')).fleetUnlock(context(), options)),
    );
  withExamples(unlock, `lockstep reboot fleetlock unlock --url ${url} --group jobs --id ${id}`);
}

function withHost(command: Command): Command {
  return command
    .requiredOption('--url <url>', 'the server, without /v1/...')
    .requiredOption('--group <name>', 'the group whose slots it is about')
    .requiredOption('--id <text>', 'who holds the slot; the same for lock and unlock')
    .option('--token-file <file>', 'a file with the token of the group');
}

function repeated(url: string, before: readonly string[]): string[] {
  return [...before, url];
}

const serveHelp = `
Any number may run, on any machines: one of them grants, and each answers FleetLock. Groups are
declared with "lockstep reboot groups set". A request that is held is answered as soon as a slot is
free; a client that hangs up keeps its place in line, and no slot. While the store is away, the
answer is 503 and nobody reboots.`;

const lockHelp = `
Exit codes: 0 a slot is held, 1 refused (an unknown group, a wrong token), 2 no server answered for
--timeout in a row, 121 no slot was free within --wait. Whoever is killed while waiting may hold a
slot a moment later; "fleetlock unlock" gives it back in any case. An authority of your own is named
to Node with NODE_EXTRA_CA_CERTS.`;
