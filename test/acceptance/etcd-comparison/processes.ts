import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../../harness/processes.ts';
import { MemberProcess, planMembers } from '../../harness/real-cluster.ts';
import { EtcdProcess } from './etcd-process.ts';
import { EtcdStore } from './etcd-store.ts';
import { LockstepStore } from './lockstep-store.ts';
import type { ComparedStore } from './model.ts';

/** A store that runs, with a connection to it. */
export interface RunningStore {
  readonly store: ComparedStore;
  describe(): string;
  stop(): Promise<void>;
}

/** What is compared is what is meant, not what is on disk: memory serves if there is a disk of it. */
export function memoryDirectory(): string {
  const made = mkdtempSync(join(memoryDisk(), 'lockstep-etcd-'));
  atExit(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function memoryDisk(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

export async function startEtcd(): Promise<RunningStore> {
  const etcd = await EtcdProcess.start(join(memoryDirectory(), 'etcd'));
  const store = new EtcdStore(etcd.address);
  return { store, describe: etcd.describe, stop: () => stop(store, etcd) };
}

export async function startLockstep(): Promise<RunningStore> {
  const [plan] = await planMembers(1, []);
  if (plan === undefined) throw new Error('no member was planned');
  const member = new MemberProcess({ ...plan, dataDir: join(memoryDirectory(), 'lockstep') });
  member.start();
  await member.ready();
  const store = new LockstepStore(member.address);
  return { store, describe: member.describe, stop: () => stop(store, member) };
}

/** Starts the two that are compared. @throws what went wrong with one of them, when neither runs any more. */
export async function startBoth(
  other: () => Promise<RunningStore> = startLockstep,
): Promise<readonly [etcd: RunningStore, other: RunningStore]> {
  const [one, two] = await Promise.allSettled([startEtcd(), other()]);
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value];
  for (const each of [one, two]) if (each.status === 'fulfilled') await each.value.stop();
  throw one.status === 'rejected' ? one.reason : two.status === 'rejected' ? two.reason : undefined;
}

async function stop(store: ComparedStore, program: { kill(): Promise<void> }): Promise<void> {
  await store.close();
  await program.kill();
}
