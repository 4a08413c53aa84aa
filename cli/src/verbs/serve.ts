import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { MemberConfig } from '@lockstep/server/config';
import { exitCodes } from '../failure.ts';
import { type Context, type Io, print, warn } from '../io.ts';

/** One option per setting, named as in the configuration, and `config` for the file. */
export type ServeOptions = Readonly<Record<string, string | readonly string[] | undefined>>;

const stopMsMax = 15_000;

/** `serve`: runs one member until it is told to stop or cannot go on. */
export async function serve({ io }: Context, options: ServeOptions): Promise<number> {
  const config = await readConfig(io, options);
  for (const warning of config.warnings) warn(io, warning);
  const { runMember } = await import('@lockstep/server');
  const stopping = new AbortController();
  const stopped = new Promise<'stop'>((done) => {
    stopping.signal.addEventListener('abort', () => done('stop'), { once: true });
  });
  const release = onStop(io, stopping);
  try {
    const member = await runMember(config).catch((error: unknown) => {
      throw startFailure(error, config);
    });
    const { clientAddress, peerAddress } = member;
    await print(io, greeting(config, clientAddress, peerAddress, io.env));
    // A parent that keeps this process (the `dev` verb) waits for this.
    process.send?.({ ready: true, clientAddress, peerAddress });
    const reason = await Promise.race([stopped, member.failed]);
    if (reason instanceof Error) {
      warn(io, `the member stopped: ${reason.message}`);
      return exitCodes.refused;
    }
    await withinTime(member.stop());
    return exitCodes.ok;
  } finally {
    release();
    if (process.connected) process.disconnect();
  }
}

/** Flag before variable before file before default. @throws ConfigError naming what is wrong. */
async function readConfig(io: Io, options: ServeOptions): Promise<MemberConfig> {
  const settings = await import('@lockstep/server/config');
  const { etcdSources } = await import('@lockstep/server/etcd-settings');
  const { config: file = io.env.LOCKSTEP_CONFIG, ...flags } = options;
  const etcd = etcdSources(flags, io.env);
  for (const warning of etcd.warnings) warn(io, warning);
  const sources = [etcd.flags, settings.rawFromOptions(flags)];
  sources.push(settings.rawFromEnvironment(io.env), etcd.variables);
  if (typeof file === 'string' && file !== '') {
    const source = await readFile(file, 'utf8').catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`cannot read the configuration ${file}: ${reason}`, { cause: error });
    });
    sources.push(await settings.rawFromYaml(source, file));
  }
  const heapBytesMax = getHeapStatistics().heap_size_limit;
  return settings.resolveConfig(settings.mergeRaw(...sources), heapBytesMax);
}

/** The first request stops gracefully, the second at once; so does a parent that went away. */
function onStop(io: Io, stopping: AbortController): () => void {
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
    // A parent that keeps several members says so itself, once.
    if (!process.connected) warn(io, 'stopping; again to stop at once');
  };
  const orphaned = (): void => stopping.abort();
  process.on('disconnect', orphaned);
  const release = io.onStop(stop);
  return () => {
    release();
    process.off('disconnect', orphaned);
  };
}

async function withinTime(stop: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the member did not stop within ${stopMsMax / 1000} s; its data is safe, it stops now`;
    timer = setTimeout(() => reject(new Error(message)), stopMsMax);
  });
  await Promise.race([stop, late]).finally(() => clearTimeout(timer));
}

function startFailure(error: unknown, config: MemberConfig): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { code, port } = error as Error & { code?: string; port?: number };
  const isPeerPort = config.peerListen.endsWith(`:${port}`);
  const flag = isPeerPort ? '--peer-listen' : '--listen';
  const at = isPeerPort ? config.peerListen : config.listen;
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `cannot listen on ${at}: another process has the port; stop it, or choose another with ${flag}`,
    EADDRNOTAVAIL: `cannot listen on ${at}: this machine has no such address; choose one of its own with ${flag}`,
  };
  const sentence = sentences[code ?? ''];
  return sentence === undefined ? error : new Error(sentence, { cause: error });
}

/** What the member is, and what to type next. */
export function greeting(
  config: MemberConfig,
  clientAddress: string,
  peerAddress: string,
  env: Io['env'],
): string {
  // Started by npm, the command is most likely not on the path.
  const command = env.npm_command === undefined ? 'lockstep' : 'npx lockstep';
  const isTls = config.clientTls !== undefined;
  const url = `${isTls ? 'https' : 'http'}://${clientAddress}`;
  const endpoint = isTls ? url : clientAddress;
  const to = clientAddress === '127.0.0.1:2379' && !isTls ? '' : ` --endpoints ${endpoint}`;
  return `Lockstep member "${config.name}" serves clients at ${endpoint} and members at ${peerAddress}.
Data: ${resolve(config.dataDir)}

In another shell:
  ${command} put hello etcd${to}
  ${command} get hello${to}
  ${command} watch --prefix config/${to}
  curl -X PUT ${url}/v1/kv/a -d 1
  curl ${url}/v1/kv/a
  curl -N '${url}/v1/watch?prefix=config/'
${isTls ? tlsHint(config.clientTls?.caFile) : ''}
Ctrl-C stops it.
`;
}

function tlsHint(caFile: string | undefined): string {
  const own = caFile === undefined ? '' : ', and --cert and --key your own certificate';
  return `\nWith --cacert you name the authority of the member's certificate${own}.\n`;
}
