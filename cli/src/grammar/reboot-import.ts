import type { OtherCoordinator } from '@lockstep/reboot-coordinator/policy';
import { Argument, type Command } from 'commander';
import type { ImportOptions } from '../verbs/reboot-import.ts';
import { type Grammar, withExamples } from './grammar.ts';
import { repeated } from './repeated.ts';

export function addRebootImport(reboot: Command, { context, run }: Grammar): void {
  const command = reboot
    .command('import')
    .addArgument(new Argument('<from>', 'whose').choices(['locksmith', 'airlock']))
    .argument('<file>', 'JSON from etcd')
    .summary('take over the groups and slots of locksmith or airlock')
    .description(
      'Tells which groups and holders another coordinator has in etcd, and with --apply takes them over:\n' +
        'groups are declared, and holders keep their slots until they say that they are back. What is\n' +
        'here already is kept.',
    )
    .option('--apply', 'do it, instead of telling')
    .option('--group <name>', 'of which group a file with one semaphore is')
    .option('--group-map <map>', 'THERE=HERE: what a group is called here; several times', repeated)
    .addHelpText('after', importHelp)
    .action(async (from: OtherCoordinator, file: string, options: ImportOptions) =>
      run((await import('../verbs/reboot-import.ts')).importSlots(context(), from, file, options)),
    );
  withExamples(
    command,
    `
echo '{"semaphore":1,"max":2,"holders":["1c09ca98649c4c7abc779cd04c96812e"]}' > web.json
lockstep reboot import locksmith web.json --group web
lockstep reboot import locksmith web.json --group web --apply`,
  );
}

const importHelp = `
FILE is the JSON of one semaphore, or a dump: an object of keys and their values, the nodes of etcd
v2, or what "etcdctl get --prefix ... -w json" prints. A group without a name is mapped with =NAME.
locksmith knows hosts by their machine id; here they get the id that FleetLock clients and agents
have. A limit of 0 or less, by which locksmith is frozen, becomes a pause.`;
