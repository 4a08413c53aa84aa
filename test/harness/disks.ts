import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemDisk } from '../../server/src/io/system-disk.ts';
import type { Disk, Done } from '../../server/src/ports.ts';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { Scheduler } from './scheduler.ts';

/** A disk for one test, real or simulated; what runs on both proves that the simulated one tells the truth. */
export interface TestDisk {
  readonly disk: Disk;
  /** The same directory as after an orderly restart. */
  reopen(): Disk;
  remove(): void;
}

export const diskKinds: readonly { readonly kind: string; readonly make: () => TestDisk }[] = [
  {
    kind: 'system disk',
    make: () => {
      const directory = mkdtempSync(join(tmpdir(), 'lockstep-disk-'));
      return {
        disk: new SystemDisk(directory),
        reopen: () => new SystemDisk(directory),
        remove: () => rmSync(directory, { recursive: true, force: true }),
      };
    },
  },
  {
    kind: 'simulated disk',
    make: () => {
      const scheduler = new Scheduler();
      const schedule = (delayMs: number, run: () => void): void => {
        scheduler.schedule(delayMs, run);
        setImmediate(() => scheduler.step());
      };
      const disk = new SimDisk({ seed: 1, schedule, latencyMsMax: 3 });
      return { disk, reopen: () => disk, remove: () => {} };
    },
  },
];

/** Awaits a call that ends with `done`. */
export function finished(call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Awaits a call that ends with an error or a result. */
export function result<Value>(
  call: (done: (error: Error | undefined, value?: Value) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (value === undefined) reject(error ?? new Error('neither an error nor a result'));
      else resolve(value);
    });
  });
}
