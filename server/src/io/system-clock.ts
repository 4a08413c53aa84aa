import type { Cancel, Clock } from '../ports.ts';

/** The clock of this machine. */
export class SystemClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  every(periodMs: number, run: () => void): Cancel {
    // Node arms an interval again when its callback runs: after a pause there is one call, not many.
    const timer = setInterval(run, periodMs);
    return () => clearInterval(timer);
  }

  defer(run: () => void): void {
    setImmediate(run);
  }
}
