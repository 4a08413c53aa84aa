import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Client, type RangeReply } from '@lockstep/client';
import { lockstep, temporaryDirectory } from './processes.ts';
import { type MemberPlan, MemberProcess, startCluster } from './real-cluster.ts';

/** So that a new data directory takes no time. */
const smallSegments = { LOCKSTEP_WAL_SEGMENT_BYTES: '1048576' };
const page = new URL('../../server/docs/backup-and-recovery.md', import.meta.url);

/** The commands of the page, heading by heading. */
export function commandsOf(heading: string): string[] {
  const [, after = ''] = readFileSync(page, 'utf8').split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  const commands = blocks.join('').trim().split('\n');
  assert.ok(commands.length > 0 && commands.every((line) => line.startsWith('lockstep ')), heading);
  return commands;
}

/** Runs a command that works on files. */
export const offline = (words: readonly string[]) => lockstep(words, { variables: smallSegments });

/** Types a command of the page, with other addresses and places than it names. */
export async function typeCommand(
  line: string,
  directory: string,
  replaced: Readonly<Record<string, string>> = {},
) {
  let typed = line;
  for (const [from, to] of Object.entries(replaced)) typed = typed.replaceAll(from, to);
  const [, ...words] = typed.split(' ');
  return lockstep(words, {
    directory,
    variables: { ...smallSegments, LOCKSTEP_ENDPOINTS: replaced.ENDPOINTS ?? '' },
  });
}

export async function readAll(endpoints: string | string[], prefix = ''): Promise<RangeReply> {
  await using client = new Client({ endpoints });
  return await client.range({ prefix });
}

/** Keys and values with the revisions that wrote them. */
export const pairs = ({ kvs }: RangeReply) =>
  kvs.map(({ key, value, modRevision }) => [key, value, modRevision]);

/** A cluster with a few keys and a lease, and a file with its state. */
export async function saved(t: TestContext, members = 1) {
  const cluster = await startCluster(t, members);
  const directory = temporaryDirectory();
  const file = join(directory, 'backup.snap');
  await using client = new Client({ endpoints: cluster.endpoints });
  const lease = await client.leases.grant({ ttl: 600 });
  for (const key of ['a', 'b', 'c']) await client.put(key, `1 of ${key}`);
  await client.put('b', '2 of b');
  await client.put('leased', '1', { lease: lease.id });
  const endpoints = ['--endpoints', cluster.endpoints.join()];
  const { code, stderr } = await lockstep(['snapshot', 'save', file, ...endpoints]);
  assert.deepEqual([code, stderr], [0, '']);
  return {
    cluster,
    directory,
    file,
    endpoints,
    leaseId: lease.id,
    before: await readAll(cluster.endpoints),
  };
}

/** The member of a plan on another directory. */
export function serveRestored(plan: MemberPlan, dataDir: string): MemberProcess {
  // As the page says: who the founders are is in the directory.
  return new MemberProcess({
    ...plan,
    dataDir,
    initialCluster: `${plan.name}=${plan.peerAddress}`,
  });
}
