/** Wall-clock milliseconds with the resolution, and the steadiness, of the monotonic clock. */
const offsetMs = Date.now() - performance.now();

export function nowMs(): number {
  return offsetMs + performance.now();
}
