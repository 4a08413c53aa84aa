/** Times and durations as people say them. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** "45 s", "12 min", "3 h 5 min", "2 d 4 h". */
export function span(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < minuteMs) return `${Math.floor(whole / 1_000)} s`;
  if (whole < hourMs) return `${Math.floor(whole / minuteMs)} min`;
  if (whole < dayMs) return two(whole, { ms: hourMs, name: 'h' }, { ms: minuteMs, name: 'min' });
  return two(whole, { ms: dayMs, name: 'd' }, { ms: hourMs, name: 'h' });
}

interface Unit {
  readonly ms: number;
  readonly name: string;
}

function two(ms: number, large: Unit, small: Unit): string {
  const rest = Math.floor((ms % large.ms) / small.ms);
  const first = `${Math.floor(ms / large.ms)} ${large.name}`;
  return rest === 0 ? first : `${first} ${rest} ${small.name}`;
}

/** As it was written for an option: "90s", "5m", "2h". */
export function spanOption(ms: number): string {
  if (ms > 0 && ms % hourMs === 0) return `${ms / hourMs}h`;
  if (ms > 0 && ms % minuteMs === 0) return `${ms / minuteMs}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** To the second, in UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
