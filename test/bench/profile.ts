import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const rowsMax = 25;

/** The parts of V8's .cpuprofile format that self time needs. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where the profile of a driver goes, below a run's directory. */
export function driverProfile(scratch: string): string {
  return join(scratch, 'driver-profile');
}

/** Makes Node write a CPU profile into a directory. */
export function profileInto(directory: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`];
}

/** Self time by function over all profiles in a directory, the busiest first; idle time apart. */
export function formatProfiles(directory: string): string {
  const files = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  if (files.length === 0) return 'no CPU profile was written: did the members stop by themselves?';
  const microsByFunction = new Map<string, number>();
  for (const file of files) {
    // Written by Node itself a moment ago.
    const profile = JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile;
    addSelfTimes(profile, microsByFunction);
  }
  const idle = microsByFunction.get('(idle)') ?? 0;
  microsByFunction.delete('(idle)');
  const sorted = [...microsByFunction].sort(([, a], [, b]) => b - a);
  const busy = sorted.reduce((sum, [, micros]) => sum + micros, 0);
  const lines = sorted.slice(0, rowsMax).map(([name, micros]) => {
    const share = ((100 * micros) / busy).toFixed(1).padStart(5);
    return `${share} %  ${(micros / 1000).toFixed(0).padStart(7)} ms  ${name}`;
  });
  const total = `busy ${(busy / 1e6).toFixed(1)} s, idle ${(idle / 1e6).toFixed(1)} s`;
  return [`${files.length} main threads: ${total}; self time:`, ...lines].join('\n');
}

function addSelfTimes(profile: CpuProfile, microsByFunction: Map<string, number>): void {
  const names = new Map(
    profile.nodes.map(({ id, callFrame }) => {
      const { functionName, url, lineNumber } = callFrame;
      const place = url === '' ? '' : ` ${shorten(url)}:${lineNumber + 1}`;
      return [id, `${functionName || '(anonymous)'}${place}`];
    }),
  );
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    const micros = profile.timeDeltas[index] ?? 0;
    microsByFunction.set(name, (microsByFunction.get(name) ?? 0) + micros);
  }
}

/** The last folders of a script's address are enough to find it. */
function shorten(url: string): string {
  return url.startsWith('node:') ? url : url.split('/').slice(-4).join('/');
}
