import { randomBytes } from 'node:crypto';
import { parseAddress, startDoors } from './api/listen.ts';
import type { MemberConfig } from './config.ts';
import { lockDirectory } from './io/directory-lock.ts';
import { ProcessMeter } from './io/process-meter.ts';
import { SystemClock } from './io/system-clock.ts';
import { SystemDisk } from './io/system-disk.ts';
import { TcpPeerNetwork } from './io/tcp-peer-network.ts';
import { type Log, openLog } from './log.ts';
import { type BootstrapOptions, openDirectory, type Recovered } from './member/bootstrap.ts';
import { clusterIdOf, memberIdOf } from './member/cluster-identity.ts';
import { Member } from './member/member.ts';
import { MemberStore } from './member/member-store.ts';
import type { MemberOptions } from './member/options.ts';
import { createService } from './service/service.ts';
import { version } from './version.ts';

export type { ClusterEntry, MemberConfig } from './config.ts';

export interface RunningMember {
  readonly config: MemberConfig;
  /** host:port of the client door as it was bound. */
  readonly clientAddress: string;
  readonly peerAddress: string;
  /** Resolves with the reason when the member stops by itself. */
  readonly failed: Promise<Error>;
  /** Stops gracefully: hands leadership over, ends watches, answers what is under way. */
  stop(): Promise<void>;
}

const mebibyte = 1024 * 1024;
/** What one caller waits at most, in milliseconds. */
const callMs = 5_000;

/**
 * Starts one member: locks and reads its data directory, opens the peer door, then the client door.
 * Resolves when clients can connect; a cluster may still have to elect its leader.
 * @throws Error in a sentence for the operator when it cannot start.
 */
export async function startMember(config: MemberConfig): Promise<RunningMember> {
  const log = openLog(config);
  const disk = new SystemDisk(config.dataDir);
  const lock = await lockDirectory(config.dataDir).catch(directoryFailed(disk));
  const closers: (() => Promise<void>)[] = [() => lock.release()];
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
    const network = new TcpPeerNetwork();
    closers.push(() => network.close());
    const peerAddress = await listenForPeers(network, config.peerListen);
    let member: Member | undefined;
    const recovered = await recover(disk, config, {
      monotonicMs: () => clock.monotonicMs(),
      walFailed: (error) => member?.fail(error),
    }).catch(directoryFailed(disk));
    for (const warning of recovered.warnings) log.process('recovered', warning);
    member = new Member(
      memberOptions(config, recovered, { log, fail }),
      { clock, network },
      recovered,
    );
    const running = member;
    closers.push(() => new Promise((resolve) => running.close(resolve)));
    const service = createService({
      store: new MemberStore(member),
      version,
      onInternalError: (error) => log.internalError(error),
    });
    const meter = new ProcessMeter();
    closers.push(async () => meter.close());
    const doors = await startDoors({
      service,
      listen: config.listen,
      advertise: config.advertise,
      allowOrigins: config.allowOrigins,
      process: () => meter.read(),
    });
    closers.push(() => doors.stop());
    member.start();
    const { memberId, clusterId } = recovered.identity;
    const clientAddress = doors.address;
    const started = `member ${config.name} serves clients at ${clientAddress}, members at ${peerAddress}`;
    log.process('started', started, {
      ...{ memberId, clusterId, clientAddress, peerAddress, version },
      ...{ index: running.appliedIndex, term: running.raft.term },
      revision: running.machine.store.revision,
    });
    return {
      config,
      clientAddress,
      peerAddress,
      failed,
      stop: () => {
        log.process('stopping', 'stops because it was told to');
        return stopGracefully(running, closeAll);
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
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

function recover(
  disk: SystemDisk,
  config: MemberConfig,
  wal: Pick<BootstrapOptions, 'monotonicMs' | 'walFailed'>,
): Promise<Recovered> {
  const clusterId = clusterIdOf(config.initialCluster, config.initialClusterToken);
  const members = config.initialCluster.map((entry) => ({
    memberId: memberIdOf(entry, clusterId),
    name: entry.name,
    peerAddress: entry.address,
    clientAddress: '',
    directoryId: '',
  }));
  const own = members.find(({ name }) => name === config.name);
  const options: BootstrapOptions = {
    identity: {
      clusterId,
      memberId: own?.memberId ?? '',
      directoryId: randomBytes(12).toString('hex'),
      name: config.name,
    },
    members,
    founding: true,
    segmentBytes: config.walSegmentBytes,
    ...wal,
  };
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

function memberOptions(
  config: MemberConfig,
  recovered: Recovered,
  out: { log: Log; fail: (error: Error) => void },
): MemberOptions {
  const { identity } = recovered;
  const tickMs = config.heartbeatMs;
  return {
    name: identity.name,
    memberId: identity.memberId,
    clusterId: identity.clusterId,
    directoryId: identity.directoryId,
    initialCluster: config.initialCluster.map(({ name, address }) => `${name}=${address}`).join(),
    peerAddress: config.peerAdvertise,
    clientAddress: config.advertise,
    seed: randomBytes(4).readUInt32LE(),
    incarnation: randomBytes(6).readUIntLE(0, 6),
    tickMs,
    callTicks: Math.ceil(callMs / tickMs),
    raft: {
      electionTicks: Math.ceil(config.electionMs / tickMs),
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
      inflightMessagesMax: 256,
      inflightBytesMax: 16 * mebibyte,
      messageBytesMax: mebibyte,
      commitBytesMax: mebibyte / 2,
      uncommittedBytesMax: config.uncommittedBytesMax,
    },
    retention: { entries: config.logEntriesKept, bytes: config.logBytesKept },
    snapshotBytesMin: config.snapshotBytesMin,
    quotaBytes: config.quotaBytes,
    autoCompaction: {
      mode: config.autoCompactionMode,
      retentionTicks: Math.ceil(config.autoCompactionRetentionMs / tickMs),
      revisions: config.autoCompactionRevisions,
      everyTicks: Math.ceil(compactionEveryMs(config) / tickMs),
    },
    hashCheckTicks: Math.ceil(config.hashCheckMs / tickMs),
    events: {
      happened: (event) => out.log.member(event),
      failed: out.fail,
    },
  };
}

/** By revision every few seconds, by time in tenths of it: at least every five minutes, at most every second. */
function compactionEveryMs(config: MemberConfig): number {
  const { autoCompactionMode, autoCompactionRetentionMs } = config;
  if (autoCompactionMode === 'revision') return 5_000;
  return Math.max(1_000, Math.min(5 * 60_000, autoCompactionRetentionMs / 10));
}

/** Leadership first, so that the others need not wait for a timeout; then the doors, which answer what is under way. */
async function stopGracefully(member: Member, closeAll: () => Promise<void>): Promise<void> {
  await handOver(member);
  await closeAll();
}

/** Hands leadership to the voter that is furthest, if this member leads and there is one. */
function handOver(member: Member): Promise<void> {
  const { raft } = member;
  const followers = [...(raft.progress?.values() ?? [])]
    .filter(({ member: id }) => id !== raft.id && raft.membership.voters.includes(id))
    .filter(({ member: id }) => member.links.peer(id)?.isUp === true)
    .sort((left, right) => right.match - left.match);
  const target = followers[0];
  if (raft.role !== 'leader' || target === undefined) return Promise.resolve();
  return new Promise((resolve) => member.moveLeader(target.member, () => resolve()));
}
