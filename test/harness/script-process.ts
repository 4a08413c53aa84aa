import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface ScriptEnd {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of a few lines, against the sources, in a process of its own and to its own end. */
export async function runScript(t: TestContext, script: string): Promise<ScriptEnd> {
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--import', 'tsx', '--input-type=module', '--eval', script],
    { stdio: 'pipe', cwd: import.meta.dirname },
  );
  t.after(() => child.kill('SIGKILL'));
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, out, err };
}
