import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a script of package.json; undefined if it succeeds, else what it wrote. */
export async function runScript(root: string, name: string): Promise<string | undefined> {
  const child = spawn('npm', ['run', name], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => written.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => written.push(bytes));
  const [code] = await once(child, 'close');
  return code === 0 ? undefined : Buffer.concat(written).toString();
}
