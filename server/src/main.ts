import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { doorLimits, openPort, parseAddress, startDoors } from './api/listen.ts';
import { refuseUnfinished } from './backup/unfinished.ts';
import {
  ConfigError,
  type LogLevel,
  logLevels,
  type MemberConfig,
  rawFromSettings,
  resolveConfig,
  type Settings,
  splitAddress,
} from './config.ts';
import { readConsole } from './console-files.ts';
import { chooseLatin1 } from './core/base/latin1.ts';
import { handOver } from './hand-over.ts';
import { SystemCredentials } from './io/credentials.ts';
import { lockDirectory } from './io/directory-lock.ts';
import { nodeLatin1 } from './io/node-latin1.ts';
import { ProcessMeter } from './io/process-meter.ts';
import { SystemClock } from './io/system-clock.ts';
import { SystemDisk } from './io/system-disk.ts';
import { TcpPeerNetwork } from './io/tcp-peer-network.ts';
import { type Log, type Logger, logOver, openLog } from './log.ts';
import { type BootstrapOptions, openDirectory, type Recovered } from './member/bootstrap.ts';
import type { ClusterPlace } from './member/cluster-lookup.ts';
import type { MemberEvents } from './member/events.ts';
import { Member } from './member/member.ts';
import { MemberStore } from './member/member-store.ts';
import { bootstrapOptions, findPlace, memberOptions } from './member-options.ts';
import { openTls, refusals } from './member-tls.ts';
import { createService } from './service/service.ts';
import { commonNameOf } from './tls/certificate-names.ts';
import { version } from './version.ts';

export {
  type ClusterEntry,
  ConfigError,
  type LogLevel,
  type MemberConfig,
  type Settings,
} from './config.ts';

export type { Logger } from './log.ts';

/** Every setting of `lockstep serve` under its name in camelCase, and a log. */
export interface StartOptions extends Settings {
  /** A logger, or from which level on to write to standard output. Default `silent`. */
  readonly log?: Logger | LogLevel | undefined;
}

export interface RunningMember extends AsyncDisposable {
  readonly config: MemberConfig;
  /** host:port of the client door, with the port that was bound; an endpoint for a client. */
  readonly clientAddress: string;
  /** The same of the door for other members. */
  readonly peerAddress: string;
  /** Resolves with the reason when the member stops by itself. */
  readonly failed: Promise<Error>;
  /**
   * Stops gracefully: hands leadership over, ends watches, answers what is under way. Never rejects;
   * a second call waits for the same end. Disposal does this too.
   */
  stop(): Promise<void>;
}

chooseLatin1(nodeLatin1);

/**
 * Starts one member inside this process. All settings have the defaults of `lockstep serve`, except
 * that it is silent; with port 0 in `listen` a single member takes free ports for both doors. It sets no
 * signal handlers and never ends the process. Resolves when clients can connect; a cluster may
 * still have to elect its leader.
 * @throws ConfigError that lists each setting that is wrong, and what would be right.
 * @throws Error in a sentence when it cannot start: an address or the data directory is in use, damaged.
 */
export async function startMember(options: StartOptions = {}): Promise<RunningMember> {
  const { log = options.logLevel ?? 'silent', ...settings } = options;
  const raw = rawFromSettings(settings);
  const { heap_size_limit: heapBytesMax } = getHeapStatistics();
  const withLevel = typeof log === 'string' ? { ...raw, logLevel: log } : raw;
  const config = resolveConfig(withLevel, heapBytesMax, (key) => key);
  if (typeof log !== 'string' && !isLogger(log)) {
    const levels = logLevels.join(', ');
    throw new ConfigError([`log must be a logger with info, warn and error, or one of ${levels}`]);
  }
  const target = typeof log === 'string' ? openLog(config) : logOver(log, config.name);
  for (const warning of config.warnings) target.process('configured', warning);
  return runMember(config, target);
}

/**
 * As {@link startMember}, with a configuration that is resolved already. Without a `log` it writes
 * to standard output, by the configured level.
 */
export async function runMember(
  config: MemberConfig,
  log: Log = openLog(config),
): Promise<RunningMember> {
  refuseUnfinished(config.dataDir);
  refuseForeign(config.dataDir);
  const credentials = await openCredentials(config);
  const disk = new SystemDisk(config.dataDir);
  const lock = await lockDirectory(config.dataDir).catch(directoryFailed(disk));
  const closers: (() => Promise<void>)[] = [() => lock.release(), () => credentials.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = (error) => {
      log.process('failed', error.message);
      closeAll().then(
        () => resolve(error),
        () => resolve(error),
      );
    };
  });
  try {
    const clock = new SystemClock();
    const tls = await openTls(config, log);
    const refused = refusals(log);
    const network = new TcpPeerNetwork({ tls: tls.peer, refused });
    closers.push(() => network.close());
    const peerAddress = await listenForPeers(network, config.peerListen);
    let member: Member | undefined;
    const advertised = withPort(config.peerAdvertise, peerAddress);
    const place = await new Promise<ClusterPlace | undefined>((resolve, reject) => {
      if (config.join !== undefined) log.process('joining', joiningSentence(config));
      findPlace(config, { disk, clock, network }, advertised, (error, found) => {
        if (error === undefined) resolve(found);
        else reject(error);
      });
    });
    const wal = {
      monotonicMs: () => clock.monotonicMs(),
      walFailed: (error: Error) => member?.fail(error),
    };
    const recovered = await recover(disk, config, { wal, place }).catch(directoryFailed(disk));
    for (const warning of recovered.warnings) log.process('recovered', warning);
    // Bound before there is a member, which tells the others where clients reach it.
    const clientTls = tls.client && { source: tls.client, refused };
    const port = await openPort(config.listen, doorLimits, clientTls);
    closers.push(() => port.close());
    const clientAddress = withPort(config.advertise, port.address);
    const individual = {
      clientAddress,
      peerAddress: advertised,
      seed: randomBytes(4).readUInt32LE(),
      incarnation: randomBytes(6).readUIntLE(0, 6),
    };
    const events: MemberEvents = { happened: (event) => log.member(event), failed: fail };
    member = new Member(
      memberOptions(config, recovered, individual, events),
      { clock, network },
      recovered,
    );
    const running = member;
    closers.push(() => new Promise((resolve) => running.close(resolve)));
    const service = createService({
      store: new MemberStore(member),
      version,
      credentials,
      onInternalError: (error) => log.internalError(error),
    });
    const meter = new ProcessMeter();
    closers.push(async () => meter.close());
    const doors = await startDoors({
      service,
      listen: port,
      advertise: clientAddress,
      peerScheme: tls.peer === undefined ? 'http' : 'https',
      commonNameOf,
      allowOrigins: config.allowOrigins,
      process: () => meter.read(),
      console: await readConsole(),
    });
    closers.push(() => doors.stop());
    member.start();
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      if (stopped === undefined) {
        log.process('stopping', 'stops because it was told to');
        stopped = handOver(running).then(closeAll);
      }
      return stopped;
    };
    const clientDoor = doors.address;
    const { memberId, clusterId } = recovered.identity;
    const started = `member ${config.name} serves clients at ${clientDoor}, members at ${peerAddress}`;
    log.process('started', started, {
      ...{ memberId, clusterId, clientAddress: clientDoor, peerAddress, version },
      ...{ index: running.appliedIndex, term: running.raft.term },
      revision: running.machine.store.revision,
    });
    return {
      config,
      clientAddress: clientDoor,
      peerAddress,
      failed,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** What a program without types may have given. */
function isLogger(given: Partial<Logger> | null): given is Logger {
  const { info, warn, error } = given ?? {};
  return [info, warn, error].every((method) => typeof method === 'function');
}

/** @throws Error for the data directory of an etcd: it would look like an empty one of ours. */
function refuseForeign(dataDir: string): void {
  if (!existsSync(join(dataDir, 'member', 'wal'))) return;
  throw new Error(
    `${dataDir} is the data directory of an etcd (it holds member/wal), whose files are not read: choose another with ` +
      '--data-dir, and bring the keys over from the running etcd',
  );
}

/** @throws ConfigError when the tokens cannot be as they were asked for. */
async function openCredentials(config: MemberConfig): Promise<SystemCredentials> {
  const { authToken, authTokenTtl } = config;
  try {
    return await SystemCredentials.open({ authToken, simpleTtlMs: authTokenTtl * 1000 });
  } catch (error) {
    throw new ConfigError([`--auth-token: ${error instanceof Error ? error.message : error}`]);
  }
}

async function listenForPeers(network: TcpPeerNetwork, address: string): Promise<string> {
  const { host, port } = parseAddress(address);
  try {
    const bound = await network.listen(host, port);
    return `${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'EADDRINUSE') throw error;
    throw new Error(
      `${address}, the address for other members, is in use: stop what uses it, or choose another ` +
        'with --peer-listen (and --peer-advertise and --initial-cluster to match)',
    );
  }
}

type BootstrapTimes = Pick<BootstrapOptions, 'monotonicMs' | 'walFailed'>;

function joiningSentence({ name, join = [] }: MemberConfig): string {
  return `${name} is to join a running cluster: it looks into its data directory, or asks ${join.join(', ')}`;
}

function recover(
  disk: SystemDisk,
  config: MemberConfig,
  { wal, place }: { wal: BootstrapTimes; place: ClusterPlace | undefined },
): Promise<Recovered> {
  const options = bootstrapOptions(config, randomBytes(12).toString('hex'), wal, place);
  return new Promise((resolve, reject) => {
    openDirectory(disk, options, (error, recovered) => {
      if (recovered === undefined) reject(error ?? new Error('the data directory did not open'));
      else resolve(recovered);
    });
  });
}

/** Says which directory it was when all that is known is the system's error; other errors say it themselves. */
function directoryFailed(disk: SystemDisk): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new Error(
      `the data directory ${disk.location} cannot be used (${error.message}): free space there if ` +
        'it is full, check its disk, or choose another directory',
      { cause: error },
    );
  };
}

/** The advertised address; where it left the port to the system, with the port that was bound. */
function withPort(advertised: string, bound: string): string {
  if (splitAddress(advertised).port !== 0) return advertised;
  return `${advertised.slice(0, advertised.lastIndexOf(':'))}:${splitAddress(bound).port}`;
}
