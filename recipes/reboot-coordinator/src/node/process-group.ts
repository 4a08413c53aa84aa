import { readdir, readFile } from 'node:fs/promises';

const lookMsFirst = 10;
const lookMsMax = 250;
/** How long the kernel may take to clear away what was killed. */
const killedMsMax = 1_000;

/** Ends all processes of a group: asks with SIGTERM, and after the grace kills. */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  sendToGroup(group, 'SIGTERM');
  sendToGroup(group, 'SIGCONT'); // One that is stopped takes no other signal.
  await isGone(group, graceMs);
  // Also when all seemed to be gone: one may have forked while we looked.
  if (!sendToGroup(group, 'SIGKILL')) return;
  await isGone(group, killedMsMax);
}

/** @returns whether there was anybody to send it to, dead ones that nobody has buried yet included. */
export function sendToGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // Others than "no such process" say that it is there, and another user's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Looks again and again, since nobody tells about the end of processes that are not our children. */
async function isGone(group: number, withinMs: number): Promise<boolean> {
  const giveUpAt = performance.now() + withinMs;
  for (let ms = lookMsFirst; ; ms = Math.min(ms * 2, lookMsMax)) {
    if (!sendToGroup(group, 0) || !(await hasLiving(group))) return true;
    const leftMs = giveUpAt - performance.now();
    if (leftMs <= 0) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(ms, leftMs)));
  }
}

/** Dead processes stay in their group until their parent asks after them, which in a container may be never. */
async function hasLiving(group: number): Promise<boolean> {
  const names = await readdir('/proc').catch(() => undefined);
  if (names === undefined) return true; // Nobody can tell.
  const pids = names.filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  );
  return stats.some((stat) => {
    // pid (name) state parent group ..., and a name may hold brackets and blanks.
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(itsGroup) === group && state !== 'Z' && state !== 'X';
  });
}
