import type { FleetStatus, HostState, HostStatus } from '@lockstep/reboot-coordinator';
import { groups } from './plan.ts';
import type { Scene } from './scene.ts';
import type { Watcher } from './story.ts';
import type { Paint, Terminal } from './terminal.ts';

const paints: Readonly<Record<HostState, Paint>> = {
  idle: 'dim',
  waiting: 'blue',
  granted: 'yellow',
  draining: 'yellow',
  rebooting: 'yellow',
  verifying: 'yellow',
  overdue: 'red',
  failed: 'red',
  done: 'green',
};
const cellWidth = 20;

/** Shows a rollout while it runs: on a terminal as a picture, and elsewhere as a line for each change of a host. */
export class LiveView implements Watcher {
  readonly #terminal: Terminal;
  readonly #scene: Scene;
  readonly #beganAt = performance.now();
  readonly #states = new Map<string, HostState>();
  #last: FleetStatus | undefined;

  constructor(terminal: Terminal, scene: Scene) {
    this.#terminal = terminal;
    this.#scene = scene;
  }

  say(line: string): void {
    this.#terminal.say(`${this.#time()}  ${this.#terminal.paint(line, 'bold')}`);
  }

  show(status: FleetStatus | undefined): void {
    if (status !== undefined) {
      if (!this.#terminal.isLive) this.#tellChanges(status);
      this.#last = status;
    }
    this.#terminal.draw([
      '',
      ...groups.flatMap(({ name, limit }) => this.#groupLines(name, limit)),
      status === undefined ? 'the store does not answer at the moment' : '',
    ]);
  }

  #tellChanges({ hosts }: FleetStatus): void {
    for (const { id, state, failure } of hosts) {
      const before = this.#states.get(id);
      this.#states.set(id, state);
      // How the last story ended is no news.
      const isNews = before === undefined ? state !== 'idle' && state !== 'done' : before !== state;
      if (!isNews) continue;
      const why = state === 'failed' && failure !== undefined ? `: ${failure.reason}` : '';
      this.#terminal.say(`${this.#time()}  ${id.padEnd(6)} ${state}${why}`);
    }
  }

  #groupLines(name: string, limit: number): string[] {
    const group = this.#scene.groups.get(name);
    if (group === undefined) return [];
    const { proxy, machines } = group;
    const byId = new Map(this.#last?.hosts.map((host) => [host.id, host]));
    const cells = machines.map(({ name: host, boot }) =>
      this.#cell(host, boot?.version ?? '', byId.get(host)),
    );
    const traffic = machines.map(({ name: host }) =>
      (proxy.isIn(host) ? 'gets requests' : 'gets none').padEnd(cellWidth),
    );
    const counts = `${proxy.served} requests served, ${proxy.failed} failed`;
    return [
      `${name}: at most ${limit} down; ${counts}`,
      `  ${cells.join('')}`,
      this.#terminal.paint(`  ${traffic.join('')}`, 'dim'),
    ];
  }

  #cell(host: string, version: string, status: HostStatus | undefined): string {
    const state = status?.state ?? 'idle';
    const text = `${host} v${version} ${state}`.padEnd(cellWidth);
    return this.#terminal.paint(text, paints[state]);
  }

  #time(): string {
    return `${((performance.now() - this.#beganAt) / 1000).toFixed(1).padStart(5)} s`;
  }
}
