import { readFile } from 'node:fs/promises';
import type { Client } from '@lockstep/client';
import { type HistoryEntry, Operator } from '@lockstep/reboot-coordinator';
import { RebootServer, type RebootServerTls } from '@lockstep/reboot-coordinator/node';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { ourIdentity } from '../our-identity.ts';
import { refuseTable } from '../output.ts';
import { printable } from '../printable.ts';
import { durationMs } from '../selection.ts';
import { withClient } from '../session.ts';

export interface RebootServeOptions {
  readonly listen: string;
  readonly hold: string;
  readonly basePath?: string;
  readonly notify: readonly string[];
  readonly coordinate: boolean;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly clientCa?: string;
  readonly clientCertGroups?: boolean;
}

/** A client that waits longer for one answer is not known. */
const holdMsMax = 25 * 60_000;

/** `reboot serve`: grants slots and answers FleetLock until it is told to stop. */
export async function rebootServe(context: Context, options: RebootServeOptions): Promise<number> {
  refuseTable(context, 'reboot serve');
  const { io } = context;
  const holdMs = durationMs(options.hold, '--hold');
  if (holdMs < 1_000 || holdMs > holdMsMax) {
    throw new UsageError(`--hold is "${options.hold}"; it must be 1s to 25m`);
  }
  const tls = await tlsOf(options);
  const { basePath, listen, notify, coordinate: coordinates } = options;
  const stopping = new AbortController();
  const release = io.onStop(() => {
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
    warn(io, 'stopping; again to stop at once');
  });
  const serve = async (client: Client): Promise<number> => {
    const server = await RebootServer.start(client, {
      ...{ listen, holdMs, notify, coordinates },
      identity: ourIdentity(),
      ...(basePath === undefined ? {} : { basePath }),
      ...(tls === undefined ? {} : { tls }),
      onTrouble: (message) => warn(io, printed(message)),
    });
    const base = `${tls === undefined ? 'http' : 'https'}://${server.address}`;
    const role = coordinates ? 'grants slots while it is elected to, and serves' : 'serves';
    await print(io, `Lockstep ${role} FleetLock at ${base}${basePath ?? ''}\n`);
    const log = follow(context, client, stopping.signal);
    const late = setTimeout(() => {
      if (server.contactAgeMs !== undefined) return;
      const where = context.endpoints.join(', ');
      warn(io, `no member answers at ${where} yet; until one does, FleetLock answers 503`);
    }, context.timeoutMs);
    try {
      await Promise.race([aborted(stopping.signal), server.failed, log]);
      return exitCodes.ok;
    } finally {
      clearTimeout(late);
      await server.stop();
    }
  };
  try {
    return await withClient(context, serve, { learnEndpoints: true, exactlyOnce: true });
  } finally {
    release();
  }
}

/** Prints rows of the history as they are written. Throws what ends the watch, but for the signal. */
async function follow({ io, output }: Context, client: Client, signal: AbortSignal): Promise<void> {
  try {
    for await (const entry of new Operator(client, { by: 'serve' }).followHistory({
      limit: 0,
      signal,
    })) {
      io.stderr.write(output === 'json' ? `${JSON.stringify(entry)}\n` : `${lineOf(entry)}\n`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** `2026-03-01T12:00:00.000Z granted web-1 of web, slot 3, by coordinator: linux-image-6.1`. */
function lineOf({ at, kind, host, name = host, group, grant, by, reason }: HistoryEntry): string {
  const who = name === undefined ? '' : ` ${name}`;
  const of = group === undefined ? '' : ` ${name === undefined ? 'group' : 'of'} ${group}`;
  const slot = grant === undefined ? '' : `, slot ${grant}`;
  const why = reason === undefined || reason === '' ? '' : `: ${reason}`;
  return printed(`${new Date(at).toISOString()} ${kind}${who}${of}${slot}, by ${by}${why}`);
}

function printed(text: string): string {
  return printable(Buffer.from(text));
}

async function tlsOf(options: RebootServeOptions): Promise<RebootServerTls | undefined> {
  const { certFile: cert, keyFile: key, clientCa, clientCertGroups = false } = options;
  if (cert === undefined && key === undefined) {
    if (clientCa !== undefined)
      throw new UsageError('--client-ca is about HTTPS: give --cert-file and --key-file');
    if (clientCertGroups)
      throw new UsageError('--client-cert-groups is about --client-ca: give it');
    return undefined;
  }
  if (cert === undefined || key === undefined) {
    throw new UsageError('--cert-file and --key-file belong together: give both');
  }
  if (clientCertGroups && clientCa === undefined) {
    throw new UsageError('--client-cert-groups is about --client-ca: give it');
  }
  return {
    cert: await pem('--cert-file', cert),
    key: await pem('--key-file', key),
    ...(clientCa === undefined ? {} : { clientCa: await pem('--client-ca', clientCa) }),
    clientCertGroups,
  };
}

async function pem(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read ${flag} ${file}: ${reason}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
