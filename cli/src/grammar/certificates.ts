import type { CertsDevOptions } from '../verbs/certs-dev.ts';
import { type Grammar, withExamples } from './grammar.ts';

export function addCertificateVerbs({ program, context, run }: Grammar): void {
  const certs = program
    .command('certs')
    .summary('make certificates, to try TLS with')
    .description('Certificates for clients and members.');
  const dev = certs
    .command('dev')
    .summary('an authority, and a server, a peer and a client')
    .description(
      'Makes an authority and certificates of a server, a peer and a client, and prints the commands\nthat use them. Nothing is overwritten; only you can read the private keys.',
    )
    .option('--dir <directory>', 'where they go', './certs')
    .option(
      '--hosts <list>',
      'names and addresses of the members, with commas between',
      'localhost,127.0.0.1,::1',
    )
    .option('--client <name>', 'common name of the client', 'client')
    .action(async (options: CertsDevOptions) =>
      run((await import('../verbs/certs-dev.ts')).certsDev(context(), options)),
    );
  withExamples(
    dev,
    `
# for members on this machine, in ./certs
lockstep certs dev
# for members elsewhere as well
lockstep certs dev --dir ./fleet-certs --hosts localhost,127.0.0.1,a.example,10.0.0.5`,
  );
}
