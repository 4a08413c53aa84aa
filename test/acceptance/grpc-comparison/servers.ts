import { join } from 'node:path';
import { MemberProcess, planMembers } from '../../harness/real-cluster.ts';
import { EtcdProcess } from '../etcd-comparison/etcd-process.ts';
import { memoryDirectory } from '../etcd-comparison/processes.ts';
import { RawStore } from './raw-store.ts';

/** A server that runs, with a connection to it. */
export interface RunningApi {
  readonly store: RawStore;
  readonly address: string;
  describe(): string;
  stop(): Promise<void>;
}

export async function startEtcd(): Promise<RunningApi> {
  return running('etcd', await EtcdProcess.start(join(memoryDirectory(), 'etcd')));
}

export async function startLockstep(): Promise<RunningApi> {
  const [plan] = await planMembers(1, []);
  if (plan === undefined) throw new Error('no member was planned');
  const member = new MemberProcess({ ...plan, dataDir: join(memoryDirectory(), 'lockstep') });
  member.start();
  await member.ready();
  return running('Lockstep', member);
}

function running(
  name: string,
  server: { address: string; describe(): string; kill(): Promise<void> },
): RunningApi {
  const store = new RawStore(name, server.address);
  return {
    store,
    address: server.address,
    describe: () => server.describe(),
    stop: async () => {
      await store.close();
      await server.kill();
    },
  };
}

/** Starts the two that are compared. @throws what went wrong with one of them, when neither runs any more. */
export async function startBoth(
  other: () => Promise<RunningApi> = startLockstep,
): Promise<readonly [etcd: RunningApi, other: RunningApi]> {
  const [one, two] = await Promise.allSettled([startEtcd(), other()]);
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value];
  for (const each of [one, two]) if (each.status === 'fulfilled') await each.value.stop();
  throw one.status === 'rejected' ? one.reason : two.status === 'rejected' ? two.reason : undefined;
}
