import { groups } from './plan.ts';
import type { Scene } from './scene.ts';
import { type Course, doneWith, type Story } from './story.ts';

export interface HostResult {
  readonly name: string;
  readonly version: string;
  /** How its record ends. */
  readonly state: string;
  /** How long its process was gone, and how long the proxy sent it nothing. */
  readonly offMs: number;
  readonly outMs: number;
  readonly boots: readonly { readonly id: string; readonly pid: number }[];
}

export interface GroupResult {
  readonly name: string;
  readonly limit: number;
  readonly served: number;
  readonly failed: number;
  readonly lastFailure: string;
  /** Most processes that were gone at once, and most hosts that the proxy sent nothing. */
  readonly mostOff: number;
  readonly mostOut: number;
  readonly hosts: readonly HostResult[];
}

export interface Result {
  readonly story: Story;
  readonly course: Course;
  readonly groups: readonly GroupResult[];
}

/** What was counted since the story's version was published. */
export function resultOf(story: Story, course: Course, scene: Scene): Result {
  const states = new Map(course.last?.hosts.map(({ id, state }) => [id, state]));
  return {
    story,
    course,
    groups: groups.flatMap(({ name, limit }) => {
      const group = scene.groups.get(name);
      if (group === undefined) return [];
      const { proxy, outages, machines } = group;
      const hosts = machines.map((machine) => ({
        name: machine.name,
        version: machine.boot?.version ?? '',
        state: states.get(machine.name) ?? 'unknown',
        offMs: outages.tookMs(machine.name),
        outMs: proxy.outages.tookMs(machine.name),
        boots: machine.boots.slice(-2),
      }));
      const { served, failed, lastFailure } = proxy;
      const most = { mostOff: outages.most, mostOut: proxy.outages.most };
      return [{ name, limit, served, failed, lastFailure, ...most, hosts }];
    }),
  };
}

/** What was promised and not kept; empty when all was. */
export function faultsOf({ story, course, groups: found }: Result): string[] {
  const faults: string[] = [];
  for (const { name, limit, served, failed, lastFailure, mostOff, mostOut } of found) {
    if (served === 0) faults.push(`${name} served nothing`);
    if (failed > 0) faults.push(`${failed} requests to ${name} failed (${lastFailure})`);
    const most = Math.max(mostOff, mostOut);
    if (most > limit) faults.push(`${most} hosts of ${name} were down at once, ${limit} may be`);
  }
  const hosts = found.flatMap((group) => group.hosts);
  const onNew = hosts.filter(({ version }) => version === story.version).length;
  const seconds = Math.round(course.seconds);
  if (story.killsLeader && course.killed === undefined) faults.push('no leader was killed');
  if (story.isBad) {
    if (!course.isOver) faults.push(`the breaker had not stopped the rollout after ${seconds} s`);
    if (2 * onNew >= hosts.length)
      faults.push(`${onNew} of ${hosts.length} hosts got the bad version`);
    return faults;
  }
  const done = course.last === undefined ? 0 : doneWith(story, course.last);
  if (!course.isOver) faults.push(`${done} of ${hosts.length} hosts were done after ${seconds} s`);
  const same = hosts.filter(
    ({ boots: [before, now] }) => now === undefined || before?.pid === now.pid,
  );
  if (same.length > 0) faults.push(`${same.map(({ name }) => name).join(', ')} did not reboot`);
  return faults;
}
