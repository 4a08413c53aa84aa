import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from '../../server/src/io/directory-lock.ts';

const lockModule = new URL('../../server/src/io/directory-lock.ts', import.meta.url).href;

/** A process that holds the lock, or says why it does not get it. */
async function holder(directory: string): Promise<{ child: ChildProcess; says: string }> {
  const script =
    `import(${JSON.stringify(lockModule)}).then(({ lockDirectory }) => ` +
    `lockDirectory(${JSON.stringify(directory)})).then(` +
    `() => { console.log('locked'); setInterval(() => {}, 1000); }, ` +
    '(error) => console.log(error.message))';
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.ok(child.stdout);
  const [output] = await once(child.stdout, 'data');
  return { child, says: String(output).trim() };
}

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-lock-'));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a second process is refused, told who has it, and gets it after kill -9 of the first', () =>
  withDirectory(async (directory) => {
    const first = await holder(directory);
    assert.equal(first.says, 'locked');
    await assert.rejects(
      lockDirectory(directory),
      new RegExp(
        `in use by another member \\(process ${first.child.pid}\\)\\. Stop that one first`,
      ),
    );
    const second = await holder(directory);
    assert.match(second.says, /in use by another member/);
    await once(second.child, 'exit');
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const lock = await lockDirectory(directory);
    await lock.release();
  }));

test('the same directory under another path is the same', () =>
  withDirectory(async (directory) => {
    symlinkSync(directory, `${directory}-link`);
    const lock = await lockDirectory(directory);
    await assert.rejects(lockDirectory(`${directory}-link`), /in use by another member/);
    await lock.release();
    rmSync(`${directory}-link`);
  }));

test('released, it can be taken again; two directories do not meet; a long path works', () =>
  withDirectory(async (directory) => {
    const long = join(directory, 'd'.repeat(120));
    mkdirSync(long);
    for (let round = 0; round < 3; round++) {
      const one = await lockDirectory(directory);
      const other = await lockDirectory(long);
      await assert.rejects(lockDirectory(long), /in use by another member/);
      await one.release();
      await other.release();
    }
  }));
