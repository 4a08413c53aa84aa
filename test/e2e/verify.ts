import { Client, type KeyValue } from '@lockstep/client';
import { until } from '../harness/processes.ts';
import type { MemberProcess, RealCluster } from '../harness/real-cluster.ts';
import { type Load, loadPrefix, valueFor } from './load.ts';
import { WatchRecord } from './watch-record.ts';

/** What is wrong with a cluster after a load, in sentences; all empty when nothing is. */
export interface Findings {
  /** Acknowledged writes that a member does not have, or has otherwise. */
  readonly lost: readonly string[];
  /** Differences between members, refused writes that took effect, writes that ran twice. */
  readonly wrong: readonly string[];
  /** Gaps, duplicates and disorder. */
  readonly watcherFaults: readonly string[];
  readonly staleReads: readonly string[];
}

const pageKeys = 5_000;

/** Compares what every member holds, read from its own state, with what the load was told. */
export async function verify(
  cluster: RealCluster,
  load: Load,
  watchers: readonly WatchRecord[] = [],
): Promise<Findings> {
  await cluster.caughtUp();
  const { members } = cluster;
  const states = await Promise.all(members.map((member) => stateOf(member)));
  const [first = new Map<string, KeyValue>()] = states;
  const lost: string[] = [];
  const wrong: string[] = [];
  states.forEach((state, at) => {
    const name = `member ${members[at]?.name}`;
    lost.push(...lostIn(state, load).map((what) => `${name}: ${what}`));
    wrong.push(...wrongIn(state, load).map((what) => `${name}: ${what}`));
    if (textOf(state) !== textOf(first)) wrong.push(`${name} differs from ${members[0]?.name}`);
  });
  const history = [...first.values()].sort((one, other) => one.modRevision - other.modRevision);
  return {
    lost,
    wrong,
    watcherFaults: await watcherFaults(cluster, watchers, history),
    staleReads: load.staleReads,
  };
}

/** All keys of the load, from this member's own state and no other's. */
async function stateOf({ address }: MemberProcess): Promise<Map<string, KeyValue>> {
  await using client = new Client({ endpoints: address, learnEndpoints: false });
  const state = new Map<string, KeyValue>();
  const rangeEnd = `${loadPrefix.slice(0, -1)}0`; // "0" follows "/".
  let key = loadPrefix;
  let revision = 0;
  for (;;) {
    const options = { serializable: true, limit: pageKeys, revision, timeoutMs: 30_000 };
    const page = await client.range({ key, rangeEnd }, options);
    for (const kv of page.kvs) state.set(kv.key, kv);
    if (!page.more) return state;
    revision ||= page.header.revision;
    key = `${page.kvs.at(-1)?.key}\0`;
  }
}

function lostIn(state: ReadonlyMap<string, KeyValue>, load: Load): string[] {
  const lost: string[] = [];
  for (const [key, revision] of load.acknowledged) {
    const found = state.get(key);
    if (found === undefined) lost.push(`${key}, acknowledged at revision ${revision}, is gone`);
    else if (found.value !== valueFor(key)) lost.push(`${key} holds "${found.value}"`);
  }
  return lost;
}

function wrongIn(state: ReadonlyMap<string, KeyValue>, load: Load): string[] {
  const wrong: string[] = [];
  for (const [key, { version, modRevision }] of state) {
    const acknowledgedAt = load.acknowledged.get(key);
    if (version !== 1) wrong.push(`${key} was written ${version} times, the client asked for one`);
    if (acknowledgedAt !== undefined && acknowledgedAt < modRevision) {
      wrong.push(`${key} was answered at revision ${acknowledgedAt}, written at ${modRevision}`);
    }
    const refusal = load.refused.get(key);
    if (refusal !== undefined) wrong.push(`${key} was written although it was refused: ${refusal}`);
  }
  return wrong;
}

function textOf(state: ReadonlyMap<string, KeyValue>): string {
  return JSON.stringify([...state.values()]);
}

/** Each key is written once, so the keys in the order of their revisions are the whole history. */
async function watcherFaults(
  cluster: RealCluster,
  watchers: readonly WatchRecord[],
  history: readonly KeyValue[],
): Promise<string[]> {
  // Who comes late and reads all from one member must have seen the same.
  const late = cluster.members.map(({ name, address }) => {
    const request = { prefix: loadPrefix, startRevision: 1 };
    const alone = { learnEndpoints: false };
    return new WatchRecord(`late watcher at ${name}`, [address], request, alone);
  });
  const all = [...watchers, ...late];
  const last = history.at(-1)?.modRevision ?? 0;
  try {
    await until('all watchers are there', () => all.every((one) => one.lastRevision >= last));
  } catch {
    // What one lacks is said below.
  }
  const faults = all.map((watcher) => watcher.fault(history)).filter((one) => one !== undefined);
  await Promise.all(late.map((watcher) => watcher.close()));
  return faults;
}
