import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { temporaryDirectory } from '../harness/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const client = join(root, 'client');
const run = promisify(execFile);

/** What a page needs to read, write and watch. */
const bundleBytesMax = 17_000;

async function bundled(
  source: string,
  directory = client,
): Promise<{ text: string; gzip: number }> {
  const { outputFiles, warnings } = await build({
    stdin: { contents: source, resolveDir: directory },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  assert.deepEqual(warnings, []);
  const [file] = outputFiles;
  assert.ok(file !== undefined && outputFiles.length === 1);
  return { text: file.text, gzip: gzipSync(file.contents, { level: 9 }).length };
}

/** A project outside of the repository that has installed the packed client, and what it depends on. */
async function outsideProject(): Promise<string> {
  const project = temporaryDirectory();
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', project],
    {
      cwd: client,
    },
  );
  const [{ filename }] = JSON.parse(stdout);
  const modules = join(project, 'node_modules');
  const own = join(modules, '@lockstep', 'client');
  mkdirSync(own, { recursive: true });
  await run('tar', ['-xzf', join(project, filename), '-C', own, '--strip-components=1']);
  for (const name of ['ws', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  return project;
}

describe('the client as a package', { concurrency: 2 }, () => {
  test(`a page that reads, writes and watches loads less than ${bundleBytesMax} bytes`, async (t) => {
    const core = await bundled("export { Client, compare, op } from '@lockstep/client';");
    const whole = await bundled("export * from '@lockstep/client';");
    t.diagnostic(`gzipped: ${core.gzip} bytes, ${whole.gzip} with sessions, caches and spaces`);
    assert.ok(core.gzip < bundleBytesMax, `${core.gzip} bytes`);
    assert.ok(whole.gzip > core.gzip, 'what is not used is left out');
    for (const { text } of [core, whole])
      assert.doesNotMatch(text, /node:|worker_threads|\brequire\(/);
  });

  test('publint finds nothing to mend', async () => {
    const { messages, pkg } = await publint({ pkgDir: client, strict: true });
    const faults = messages.map((message) => formatMessage(message, pkg ?? {}) ?? message.code);
    // Sources are for this repository alone, and are not shipped.
    assert.deepEqual(
      faults.filter((fault) => !/source/.test(fault)),
      [],
    );
  });

  test('the packed tarball has types and runs in plain Node, outside of the repository', async () => {
    const project = await outsideProject();
    const program = `
import { type Bytes, Client, codecs, compare, LiveCache, op, Session, Space } from '@lockstep/client';
const client: Client = new Client({ endpoints: '127.0.0.1:1', callTimeoutMs: 50 });
const users = new Space(client, 'users/', codecs.json<{ name: string }>());
const key: Bytes = users.key('1');
async function types(): Promise<string | undefined> {
  const reply = await client.txn().if(compare.missing(key)).do(op.put(key, 'x')).else(op.get(key)).commit();
  // @ts-expect-error Which branch was run decides of what type the results are.
  reply.results[0].kv;
  if (!reply.succeeded) return reply.results[0].kv?.value;
  await using session = await Session.open(client);
  await using cache = await LiveCache.open(users, { prefix: '' });
  // @ts-expect-error A space knows the type of its values.
  await users.put('1', 42);
  return cache.get(key)?.value.name ?? session.leaseId;
}
console.log(typeof types, await client.get('a').catch((error: Error) => error.name));
await client.close();
`;
    writeFileSync(join(project, 'program.ts'), program);
    const compiler = join(root, 'node_modules', '.bin', 'tsc');
    const options =
      '--module nodenext --target es2022 --lib es2022,dom,esnext.disposable --strict --exactOptionalPropertyTypes';
    await run(compiler, [...options.split(' '), '--types', '', 'program.ts'], { cwd: project });
    assert.doesNotMatch(readFileSync(join(project, 'program.js'), 'utf8'), /: Client/);
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: project });
    assert.equal(stdout, 'function UnavailableError\n');
    // A bundler resolves it from the tarball as well.
    const page = await bundled("export { Client } from '@lockstep/client';", project);
    assert.ok(page.gzip < bundleBytesMax);
  });
});
