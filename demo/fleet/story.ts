import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetStatus, HostState } from '@lockstep/reboot-coordinator';
import type { Scene } from './scene.ts';

export interface Story {
  readonly version: string;
  /** Whether the version breaks the app on the second host that boots it. */
  readonly isBad: boolean;
  /** Whether the store's leader is killed when some hosts are done. */
  readonly killsLeader: boolean;
}

export interface Watcher {
  /** Something happened that is worth a line. */
  say(line: string): void;
  /** The fleet as it is now; undefined while the store does not answer. */
  show(status: FleetStatus | undefined): void;
}

export interface Course {
  readonly last: FleetStatus | undefined;
  /** Whether it came to the end that was expected of it. */
  readonly isOver: boolean;
  readonly killed: string | undefined;
  readonly seconds: number;
}

const lookMs = 200;
const storyMsMax = 80_000;
/** After a stop is seen, so long nothing more may begin. */
const quietMs = 2_000;
const doneBeforeKill = 3;
const moving: readonly HostState[] = ['granted', 'draining', 'rebooting', 'verifying'];

/** Publishes the version, and watches until all hosts run it, or until the rollout was stopped. */
export async function tell(
  story: Story,
  scene: Scene,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<Course> {
  const began = performance.now();
  await scene.publish(story.version, story.isBad);
  watcher.say(`The update to version ${story.version} has arrived.`);
  let last: FleetStatus | undefined;
  let killed: string | undefined;
  let overSince: number | undefined;
  const course = (isOver: boolean): Course => ({
    ...{ last, isOver, killed },
    seconds: (performance.now() - began) / 1000,
  });
  while (performance.now() - began < storyMsMax) {
    signal.throwIfAborted();
    const status = await scene.status();
    watcher.show(status);
    last = status ?? last;
    if (status !== undefined) {
      if (story.killsLeader && killed === undefined && doneWith(story, status) >= doneBeforeKill) {
        killed = await scene.store.killLeader();
        watcher.say(`The store's leader ${killed} is killed with SIGKILL.`);
      }
      const isOver = story.isBad ? isStopped(status) : isComplete(story, status, scene);
      overSince = isOver ? (overSince ?? performance.now()) : undefined;
      const patienceMs = story.isBad ? quietMs : 0;
      if (overSince !== undefined && performance.now() - overSince >= patienceMs) {
        return course(true);
      }
    }
    await sleep(lookMs, undefined, { signal });
  }
  return course(false);
}

export function doneWith({ version }: Story, { hosts }: FleetStatus): number {
  return hosts.filter((host) => host.state === 'done' && host.version === version).length;
}

function isComplete(story: Story, status: FleetStatus, scene: Scene): boolean {
  return doneWith(story, status) === status.hosts.length && scene.isAllIn;
}

/** Somebody failed, nobody is under way, and who waits is told that the version, or the group, is stopped. */
function isStopped({ hosts }: FleetStatus): boolean {
  const isHeld = hosts.every(
    ({ state, whyNot = [] }) =>
      state !== 'waiting' ||
      whyNot.some(({ kind }) => kind === 'version_blocked' || kind === 'breaker_open'),
  );
  const isFailed = hosts.some(({ state }) => state === 'failed');
  return isFailed && isHeld && !hosts.some(({ state }) => moving.includes(state));
}
