import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../harness/processes.ts';

const program = fileURLToPath(new URL('../../demo/dist/fleet/main.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in the directory for temporary files. */
  readonly left: readonly string[];
}

/** Plays the demo. `until` is what it says when it is to be stopped, as Ctrl-C does it. */
export function play(args: readonly string[], until?: RegExp): Promise<Outcome> {
  const directory = temporaryDirectory();
  const child = spawn(process.execPath, [program, '--quick', ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let isTold = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (isTold || until?.test(stdout) !== true) return;
    isTold = true;
    child.kill('SIGINT');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr, left: readdirSync(directory) }));
  });
}

/** The hosts' processes that it named, and that still run. */
export function survivors(stdout: string): number[] {
  const pids = [...stdout.matchAll(/[0-9a-f]{8} \((\d+)\)/g)].map(([, pid]) => Number(pid));
  assert.ok(pids.length >= 18, stdout);
  return pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
}
