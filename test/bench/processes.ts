import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

const stopPatienceMs = 10_000;
/** Linux counts CPU time in /proc in 1/100 s on every architecture Node runs on (USER_HZ). */
const ticksPerSecond = 100;
const tmpfsMagic = 0x01021994;
const logTailCharacters = 2_000;

const live = new Set<ChildProcess>();
const directories = new Set<string>();

/** Kills whatever still runs and removes the data; for every way out of the bench. */
export function cleanUp(): void {
  for (const child of live) child.kill('SIGKILL');
  live.clear();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories.clear();
}

/** Registers a child so that it cannot outlive the bench. */
export function adopt(child: ChildProcess): void {
  live.add(child);
  child.once('exit', () => live.delete(child));
}

/** A directory below `root` that is gone when the bench ends. */
export function scratchDirectory(root: string): string {
  const directory = mkdtempSync(join(root, 'lockstep-bench-'));
  directories.add(directory);
  return directory;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/** On a file system in memory fsync costs nothing, and the comparison means nothing. */
export function isMemoryFileSystem(directory: string): boolean {
  return statfsSync(directory).type === tmpfsMagic;
}

export interface ServerProcess {
  readonly pid: number;
  /** The end of what it wrote, for error messages. */
  logTail(): string;
  exited(): boolean;
  /** SIGTERM, then SIGKILL if it does not go. */
  stop(): Promise<void>;
}

/** Starts a server whose output goes to `logFile`. */
export function startServer(
  command: string,
  args: readonly string[],
  logFile: string,
): ServerProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  adopt(child);
  let gone = false;
  const exit = new Promise<void>((resolve) => {
    const done = (): void => {
      gone = true;
      resolve();
    };
    child.once('exit', done);
    child.once('error', done);
  });
  return {
    pid: child.pid ?? -1,
    logTail: () => readFileSync(logFile, 'utf8').slice(-logTailCharacters),
    exited: () => gone,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            // A listening TCP server has an AddressInfo; the string form is for pipes.
            resolve((server.address() as AddressInfo).port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** CPU seconds (user and system) of processes and their living descendants. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of withDescendants(pids)) ticks += cpuTicks(pid);
  return ticks / ticksPerSecond;
}

/**
 * CPU seconds of the whole machine, with what its host took away (proc(5), /proc/stat): user, nice,
 * system and stolen. Interrupts are left out, since most of them are the bench's own packets.
 */
export function machineCpuSeconds(): number {
  const [, user, nice, system, , , , , stolen] = read('/proc/stat').split(/\s+/, 9).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (stolen ?? 0)) / ticksPerSecond;
}

/** CPU seconds of the bench itself and of all that it started, whether it still runs or not. */
export function ownCpuSeconds(): number {
  const ended = statFields(process.pid).slice(13, 15);
  const endedTicks = ended.reduce((sum, ticks) => sum + Number(ticks), 0);
  return cpuSeconds([process.pid]) + endedTicks / ticksPerSecond;
}

/** Resident memory of processes and their living descendants, in MiB. */
export function residentMebibytes(pids: readonly number[]): number {
  let kibibytes = 0;
  for (const pid of withDescendants(pids)) {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`));
    kibibytes += Number(match?.[1] ?? 0);
  }
  return kibibytes / 1024;
}

function withDescendants(pids: readonly number[]): number[] {
  return pids.flatMap((pid) => {
    const children = read(`/proc/${pid}/task/${pid}/children`).trim();
    return [pid, ...withDescendants(children === '' ? [] : children.split(' ').map(Number))];
  });
}

/** Fields 14 and 15 of /proc/<pid>/stat (proc(5)). */
function cpuTicks(pid: number): number {
  const fields = statFields(pid);
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** The fields of /proc/<pid>/stat from the third on: before it stands the name, which may hold spaces. */
function statFields(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Empty when the process is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
