import { access, mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createAuthority, type Issued, isHostName, issue } from '../certificates/certificate.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';

export interface CertsDevOptions {
  readonly dir: string;
  readonly hosts: string;
  readonly client: string;
}

const dayMs = 24 * 60 * 60 * 1_000;
const authorityDays = 3_650;
/** Browsers refuse certificates of servers that are valid for longer. */
const certificateDays = 397;
/** By this name members know each other: the authority signs clients too. */
const peerName = 'lockstep-peer';
const keyMode = 0o600;
const commonNameCharactersMax = 64;

/** `certs dev`: an authority, and certificates of a server, a peer and a client, to try TLS with. */
export async function certsDev({ io }: Context, options: CertsDevOptions): Promise<number> {
  const { dir, client } = options;
  const hosts = checkedHosts(options.hosts);
  if (client === '' || [...client].length > commonNameCharactersMax) {
    throw new UsageError(`--client must have 1 to ${commonNameCharactersMax} characters`);
  }
  const files = filesOf(createAll(hosts, client));
  await refuseToReplace(dir, files);
  await mkdir(dir, { recursive: true });
  for (const { name, pem, isSecret } of files) {
    // Exclusive: whatever happened since, no key is ever overwritten.
    await writeFile(join(dir, name), pem, { flag: 'wx', mode: isSecret ? keyMode : 0o644 });
  }
  await print(io, farewell(dir, hosts, client, files));
  return exitCodes.ok;
}

function checkedHosts(given: string): string[] {
  const hosts = given
    .split(',')
    .map((host) => host.trim())
    .filter((host) => host !== '');
  if (hosts.length === 0)
    throw new UsageError('--hosts names no host; write for example localhost');
  for (const host of hosts) {
    if (isIP(host) !== 0 || isHostName(host)) continue;
    throw new UsageError(
      `--hosts has "${host}", which is neither the name of a host nor an IP address; ports and schemes do not belong there`,
    );
  }
  return [...new Set(hosts)];
}

type Named = Readonly<Record<'ca' | 'server' | 'peer' | 'client', Issued>>;

function createAll(hosts: readonly string[], client: string): Named {
  const now = Date.now();
  const validTo = new Date(now + certificateDays * dayMs);
  const ca = createAuthority('Lockstep try-out CA', new Date(now + authorityDays * dayMs));
  return {
    ca,
    server: issue(ca, { commonName: 'lockstep-server', usages: ['server'], hosts, validTo }),
    // Members are both: each dials each.
    peer: issue(ca, { commonName: peerName, usages: ['server', 'client'], hosts, validTo }),
    client: issue(ca, { commonName: client, usages: ['client'], validTo }),
  };
}

interface PemFile {
  readonly name: string;
  readonly pem: string;
  readonly isSecret: boolean;
}

function filesOf(all: Named): PemFile[] {
  return Object.entries(all).flatMap(([name, { cert, key }]) => [
    { name: `${name}.pem`, pem: cert, isSecret: false },
    { name: `${name}-key.pem`, pem: key, isSecret: true },
  ]);
}

async function refuseToReplace(dir: string, files: readonly PemFile[]): Promise<void> {
  const there: string[] = [];
  for (const { name } of files) {
    const isThere = await access(join(dir, name)).then(
      () => true,
      () => false,
    );
    if (isThere) there.push(name);
  }
  if (there.length === 0) return;
  throw new Error(
    `${dir} has ${there.join(', ')} already, and nothing is overwritten: choose another --dir, or remove them`,
  );
}

function farewell(
  dir: string,
  hosts: readonly string[],
  client: string,
  files: readonly PemFile[],
): string {
  const at = (name: string): string => quoted(join(dir, name));
  const names = files.map(({ name }) => name).join(', ');
  // Where a member listens that is not told otherwise.
  const host = hosts.includes('127.0.0.1') ? '127.0.0.1' : hosts[0];
  const address = `${host?.includes(':') ? `[${host}]` : host}:2379`;
  return `Wrote ${names} to ${quoted(dir)}.
The server and the peer are ${hosts.join(', ')}; the client is "${client}". Valid for ${certificateDays} days.
For a try-out: whoever reads ca-key.pem can make certificates that are trusted.

A member that serves clients with a certificate only:
  lockstep serve --cert-file ${at('server.pem')} --key-file ${at('server-key.pem')} \\
    --trusted-ca-file ${at('ca.pem')} --client-cert-auth

Of a cluster, each member besides:
    --peer-cert-file ${at('peer.pem')} --peer-key-file ${at('peer-key.pem')} \\
    --peer-trusted-ca-file ${at('ca.pem')} --peer-cert-allowed-cn ${peerName}

In another shell:
  lockstep put hello tls --endpoints https://${address} \\
    --cacert ${at('ca.pem')} --cert ${at('client.pem')} --key ${at('client-key.pem')}
  etcdctl get hello --endpoints https://${address} \\
    --cacert ${at('ca.pem')} --cert ${at('client.pem')} --key ${at('client-key.pem')}
  curl https://${address}/v1/kv/hello \\
    --cacert ${at('ca.pem')} --cert ${at('client.pem')} --key ${at('client-key.pem')}
`;
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
