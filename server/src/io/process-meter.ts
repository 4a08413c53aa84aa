import { readdirSync } from 'node:fs';
import { doubling, Histogram } from '../metrics/histogram.ts';
import type { ProcessReadings } from '../metrics/readings.ts';

const lookEveryMs = 20;
/** In seconds: 1 ms to 8 s. */
const delaySeconds = doubling(0.001, 14);

/**
 * Reads off the process what it takes of the machine, and how late its event loop is. A timer of its
 * own and not `monitorEventLoopDelay`, which knows percentiles but no counts by size, and so could not
 * be summed over members and times.
 */
export class ProcessMeter {
  readonly #delays = new Histogram(delaySeconds);
  readonly #timer: NodeJS.Timeout;
  #dueAtMs: number;

  constructor() {
    this.#dueAtMs = performance.now() + lookEveryMs;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  #look(): void {
    const now = performance.now();
    this.#delays.observe(Math.max(0, now - this.#dueAtMs) / 1000);
    this.#dueAtMs = now + lookEveryMs;
  }

  read(): ProcessReadings {
    const { user, system } = process.cpuUsage();
    return {
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      startSeconds: performance.timeOrigin / 1000,
      openFiles: openFiles(),
      eventLoopDelaySeconds: this.#delays,
      runtime: process.version,
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Linux lists them. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
