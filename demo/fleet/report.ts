import { faultsOf, type GroupResult, type HostResult, type Result } from './result.ts';

/** A story's end, for people. */
export function reportOf(result: Result): string[] {
  const { story, course, groups } = result;
  const lines = [
    '',
    'group   requests  failed  most down at once: processes gone, hosts that got no requests',
    ...groups.map(groupLine),
    '',
    'host    version  now      process gone  without requests  boot ids (pid)',
    ...groups.flatMap(({ hosts }) => hosts.map(hostLine)),
    '',
  ];
  if (course.killed !== undefined) {
    lines.push(`The store's leader ${course.killed} was killed meanwhile.`);
  }
  const held = course.last?.hosts.find(({ state }) => state === 'waiting');
  if (story.isBad && held !== undefined) {
    const why = held.whyNot?.map(({ message }) => message).join('; ');
    lines.push(`Why ${held.id} does not reboot: ${why}.`);
  }
  return [...lines, ...faultsOf(result).map((fault) => `NOT KEPT: ${fault}`), ''];
}

function groupLine({ name, limit, served, failed, mostOff, mostOut }: GroupResult): string {
  const counts = `${number(served, 8)}  ${number(failed, 6)}`;
  return `${name.padEnd(6)}  ${counts}  ${mostOff} and ${mostOut}; ${limit} may be`;
}

function hostLine({ name, version, state, offMs, outMs, boots }: HostResult): string {
  const ids = boots.map(({ id, pid }) => `${id} (${pid})`).join(' -> ');
  const times = `${seconds(offMs, 12)}  ${seconds(outMs, 16)}`;
  return `${name.padEnd(6)}  ${version.padEnd(7)}  ${state.padEnd(7)}  ${times}  ${ids}`;
}

/** The last line: what holds for all stories together. */
export function verdictOf(results: readonly Result[], tookMs: number): string {
  const faults = results.flatMap(faultsOf);
  const all = results.flatMap(({ groups }) => groups);
  const served = all.reduce((sum, group) => sum + group.served, 0);
  const failed = all.reduce((sum, group) => sum + group.failed, 0);
  const counts = `${served.toLocaleString('en')} requests served, ${failed.toLocaleString('en')} failed`;
  const took = `${Math.round(tookMs / 1000)} s`;
  if (faults.length > 0) return `demo:fleet FAILED in ${took}: ${counts}; ${faults.join('; ')}`;
  const ends = results.map(endOf).join(', ');
  return `demo:fleet passed in ${took}: ${counts}, no group over its limit; ${ends}`;
}

function endOf({ story, groups }: Result): string {
  const hosts = groups.flatMap((group) => group.hosts);
  const onNew = hosts.filter(({ version }) => version === story.version).length;
  if (story.isBad)
    return `the bad update stopped with ${hosts.length - onNew} of ${hosts.length} on the old version`;
  return `${onNew} of ${hosts.length} hosts rebooted into the good update`;
}

function number(value: number, width: number): string {
  return value.toLocaleString('en').padStart(width);
}

function seconds(ms: number, width: number): string {
  return (ms === 0 ? '-' : `${(ms / 1000).toFixed(1)} s`).padStart(width);
}
