import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Endpoint, SystemName } from './model.ts';
import {
  freePorts,
  removeDirectory,
  type ServerProcess,
  scratchDirectory,
  startServer,
} from './processes.ts';

const startPatienceMs = 30_000;
const pollMs = 50;
/** A server that takes a request and never answers it must not hold the bench up for ever. */
const postPatienceMs = 10_000;
const host = '127.0.0.1';

/** What one member of a cluster is started with. */
export interface MemberPlan {
  readonly name: string;
  readonly directory: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

export interface Status {
  readonly isLeader: boolean;
  /** False while the member knows of no leader. */
  readonly hasLeader: boolean;
  readonly revision: number;
}

/** How to run one of the two systems. */
export interface System {
  readonly name: SystemName;
  /** The program and its arguments for one member. */
  command(member: MemberPlan, all: readonly MemberPlan[]): readonly [string, ...string[]];
  status(endpoint: Endpoint): Promise<Status>;
  put(endpoint: Endpoint, key: string, value: string): Promise<void>;
}

/**
 * Starts a cluster with empty directories below `root` and waits until it has a leader.
 * @throws Error with the end of a member's output when it does not come up.
 */
export async function startCluster(
  system: System,
  members: number,
  root: string,
): Promise<Cluster> {
  const plans = await planMembers(members, scratchDirectory(root));
  const directory = plans.directory;
  const processes = plans.members.map((member) => {
    mkdirSync(member.directory);
    const [program, ...args] = system.command(member, plans.members);
    return startServer(program, args, `${member.directory}.log`);
  });
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((each) => each.stop()));
    removeDirectory(directory);
  };
  try {
    const addresses = plans.members.map(({ clientPort }) => ({ host, port: clientPort }));
    const endpoints = await leaderFirst(system, addresses, processes);
    return {
      system: system.name,
      endpoints,
      pids: processes.map((each) => each.pid),
      put: (key, value) => system.put(endpoints[0], key, value),
      revision: async () => (await system.status(endpoints[0])).revision,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function planMembers(
  count: number,
  directory: string,
): Promise<{ directory: string; members: MemberPlan[] }> {
  const ports = await freePorts(count * 2);
  const members = Array.from({ length: count }, (_, index) => {
    const name = String.fromCharCode('a'.charCodeAt(0) + index);
    return {
      name,
      directory: join(directory, name),
      clientPort: ports[index * 2] ?? 0,
      peerPort: ports[index * 2 + 1] ?? 0,
    };
  });
  return { directory, members };
}

/** Waits until every member answers and exactly one of them leads. */
async function leaderFirst(
  system: System,
  endpoints: readonly Endpoint[],
  processes: readonly ServerProcess[],
): Promise<[Endpoint, ...Endpoint[]]> {
  const giveUpAt = performance.now() + startPatienceMs;
  let last = 'no member answered';
  while (performance.now() < giveUpAt) {
    const dead = processes.find((each) => each.exited());
    if (dead !== undefined) {
      throw new Error(`a ${system.name} member exited while starting:\n${dead.logTail()}`);
    }
    try {
      const statuses = await Promise.all(endpoints.map((each) => system.status(each)));
      const leader = endpoints.find((_, index) => statuses[index]?.isLeader === true);
      if (leader !== undefined && statuses.every((status) => status.hasLeader)) {
        return [leader, ...endpoints.filter((each) => each !== leader)];
      }
      last = 'there was no leader';
    } catch (error) {
      last = error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error);
    }
    await sleep(pollMs);
  }
  const log = processes[0]?.logTail() ?? '';
  throw new Error(
    `no ${system.name} cluster within ${startPatienceMs / 1000} s (${last}):\n${log}`,
  );
}

/** POSTs JSON and parses the JSON answer. @throws Error when the status is not 200. */
export async function post(endpoint: Endpoint, path: string, body: object): Promise<unknown> {
  const response = await fetch(`http://${endpoint.host}:${endpoint.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(postPatienceMs),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** The value at a path of property names, or undefined. */
export function at(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.getOwnPropertyDescriptor(found, name)?.value;
  }
  return found;
}
