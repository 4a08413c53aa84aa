import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Orders, Report } from './boot-orders.ts';
import type { Pace } from './plan.ts';

export interface MachineEvents {
  /** Its process serves on this port. */
  up(port: number): void;
  /** Its process has ended. */
  down(): void;
}

export interface MachineOptions {
  readonly name: string;
  readonly group: string;
  readonly endpoints: readonly string[];
  readonly pace: Pace;
  readonly events: MachineEvents;
  /** Whether that version will work on it; asked at each boot. */
  readonly works: (version: string) => boolean;
}

/** What one boot was. */
export interface Boot {
  readonly id: string;
  readonly pid: number;
  readonly version: string;
}

const program = fileURLToPath(new URL('host.js', import.meta.url));
/** Between the order to reboot and the end of the process, as a system needs it to shut down. */
const shutDownMs = 200;
const endMsMax = 3_000;

/** Plays the firmware: runs the process of one host, and starts it anew after it has ended. */
export class Machine {
  readonly name: string;
  readonly group: string;
  readonly boots: Boot[] = [];
  readonly #options: MachineOptions;
  #child: ChildProcess | undefined;
  #pause: NodeJS.Timeout | undefined;
  #installed: string;
  #isOff = false;

  constructor(options: MachineOptions, version: string) {
    this.#options = options;
    this.name = options.name;
    this.group = options.group;
    this.#installed = version;
  }

  get boot(): Boot | undefined {
    return this.boots.at(-1);
  }

  /** Starts the host with a new boot id, and what is installed. */
  start(): void {
    const { name, group, endpoints, pace, events, works } = this.#options;
    const version = this.#installed;
    const id = randomUUID().slice(0, 8);
    const orders: Orders = {
      ...{ name, group, endpoints, pace, version, bootId: id },
      isBroken: !works(version),
    };
    const child = fork(program, [JSON.stringify(orders)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Ctrl-C is for the demo, which then stops its hosts in order.
      detached: true,
    });
    this.#child = child;
    this.boots.push({ id, pid: child.pid ?? 0, version });
    child.on('message', (report: Report) => this.#heard(child, report));
    child.once('exit', () => {
      this.#child = undefined;
      events.down();
      if (!this.#isOff) this.#pause = setTimeout(() => this.start(), pace.offMs);
    });
  }

  /** For good. */
  async stop(): Promise<void> {
    this.#isOff = true;
    clearTimeout(this.#pause);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const late = this.#end(child);
    await ended;
    clearTimeout(late);
  }

  #heard(child: ChildProcess, report: Report): void {
    const { events } = this.#options;
    switch (report.kind) {
      case 'serving':
        return events.up(report.port);
      case 'reboot': {
        this.#installed = report.version;
        this.#pause = setTimeout(() => {
          const late = this.#end(child);
          child.once('exit', () => clearTimeout(late));
        }, shutDownMs);
      }
    }
  }

  #end(child: ChildProcess): NodeJS.Timeout {
    child.kill('SIGTERM');
    return setTimeout(() => child.kill('SIGKILL'), endMsMax);
  }
}
