import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/processes.ts';
import type { MemberProcess } from '../harness/real-cluster.ts';
import type { Fault } from './scene.ts';

const attachWithinMs = 5_000;
/** A member on a full disk is given so long to find out, beside the time that the fault lasts. */
const noticeWithinMs = 8_000;
/** One that has found out when there is room again still stops. */
const stopWithinMs = 3_000;

export const machineFaults: readonly Fault[] = [
  {
    name: 'a full disk',
    needs: 'mounts',
    async run(scene) {
      const { disk } = scene.chaos;
      if (disk === undefined || !scene.claim(disk.member)) return undefined;
      const { member, at } = disk;
      at.fill(member.program.pid);
      const { exited } = member.program;
      const ended = Promise.race([exited, sleep(noticeWithinMs)]);
      const lasted = await scene.during(async () => {
        await ended;
        at.free();
      });
      await Promise.race([exited, sleep(stopWithinMs)]);
      if (member.isRunning) return `of ${member.name}, which needed no room ${lasted}`;
      member.start();
      return `of ${member.name}, which stopped ${lasted}`;
    },
  },
  {
    name: 'slow syncs',
    needs: 'strace',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const delayMs = scene.random.pick([30, 150, 600]);
      const undo = await slowSyncs(member, delayMs);
      return `of ${delayMs} ms more at ${member.name} ${await scene.during(undo)}`;
    },
  },
  {
    name: 'a wall clock that jumps',
    needs: 'faketime',
    async run(scene) {
      const member = await scene.take('any');
      if (member === undefined) return undefined;
      const seconds = scene.random.pick([-86_400, -60, 5, 60, 86_400]);
      scene.chaos.setClock(member, seconds);
      const lasted = await scene.during(() => scene.chaos.setClock(member, 0));
      return `by ${seconds} s at ${member.name}, and back, ${lasted}`;
    },
  },
];

/** Every sync of this process takes so much longer until what this resolves with is called. */
async function slowSyncs(
  { program }: MemberProcess,
  delayMs: number,
): Promise<() => Promise<void>> {
  const calls = 'fsync,fdatasync';
  const tracer = spawn(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-p', String(program.pid), '-e', `trace=${calls}`],
      ...['-e', `inject=${calls}:delay_exit=${delayMs}ms`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000);
  });
  const ended = once(tracer, 'close');
  const describe = (): string => said;
  const attached = (): boolean => /^TracerPid:\t[1-9]/m.test(statusFile(program.pid));
  const undo = async (): Promise<void> => {
    tracer.kill('SIGTERM');
    await ended;
  };
  try {
    await until('strace is attached', attached, { withinMs: attachWithinMs, describe });
  } catch (error) {
    await undo();
    throw error;
  }
  return undo;
}

function statusFile(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}
