/** TLS as a new user meets it: the commands that `lockstep certs dev` prints, typed as they are. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { noBrowser } from '../harness/browser.ts';
import { freePortRun, Program, temporaryDirectory } from '../harness/processes.ts';

const lockstep = fileURLToPath(new URL('../../cli/bin/lockstep.js', import.meta.url));
const missing = ['/usr/bin/curl', '/usr/bin/etcdctl', '/usr/bin/openssl'].find(
  (tool) => !existsSync(tool),
);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('what lockstep certs dev prints', { skip: missing && `there is no ${missing}` }, () => {
  const directory = temporaryDirectory();
  let port = 0;
  let printed: readonly string[] = [];
  let member: Program;

  /** In a shell, with the port of this test and the command of this project. */
  function type(line: string): Promise<Outcome> {
    const script = line
      .replaceAll(':2379', `:${port}`)
      .replace(/^lockstep /, `${process.execPath} ${lockstep} `);
    return new Promise((resolve) => {
      execFile('/bin/sh', ['-c', script], { cwd: directory }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  function printedLine(begin: string): string {
    const found = printed.find((line) => line.startsWith(begin));
    return found ?? assert.fail(`no line begins with ${begin}`);
  }

  before(async () => {
    port = await freePortRun(2);
    const made = await type('lockstep certs dev');
    assert.equal(made.code, 0, made.stderr);
    printed = made.stdout
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.trim());
    const [, ...flags] = printedLine('lockstep serve').replace('lockstep ', '').split(/\s+/);
    const listen = ['--listen', `127.0.0.1:${port}`, '--data-dir', 'data'];
    member = new Program(['serve', ...flags, ...listen], { directory });
    await member.serving;
  });
  after(async () => {
    member?.kill('SIGKILL');
    await member?.exited;
  });

  test('openssl verifies the chains, each for its purpose', async () => {
    for (const [name, purpose] of [
      ['server', 'sslserver'],
      ['peer', 'sslserver'],
      ['peer', 'sslclient'],
      ['client', 'sslclient'],
    ]) {
      const line = `openssl verify -x509_strict -purpose ${purpose} -CAfile certs/ca.pem certs/${name}.pem`;
      assert.deepEqual(await type(line), {
        code: 0,
        stdout: `certs/${name}.pem: OK\n`,
        stderr: '',
      });
    }
    const swapped = 'openssl verify -purpose sslserver -CAfile certs/ca.pem certs/client.pem';
    assert.notEqual((await type(swapped)).code, 0);
  });

  test('serves lockstep, etcdctl and curl', async () => {
    const put = await type(printedLine('lockstep put hello tls'));
    assert.equal(put.code, 0, put.stderr);
    const got = await type(printedLine('etcdctl get hello'));
    assert.equal(got.stdout, 'hello\ntls\n', got.stderr);
    assert.equal((await type(printedLine('curl '))).stdout, 'tls');
    const curl = printedLine('curl ');
    assert.equal((await type(`${curl} --http1.1`)).stdout, 'tls');
    const list = await type(printedLine('etcdctl get hello').replace('get hello', 'member list'));
    assert.match(list.stdout, new RegExp(`https://127\\.0\\.0\\.1:${port}, false`));
  });

  test('refuses the same without a certificate', async () => {
    for (const begin of ['lockstep put hello tls', 'etcdctl get hello', 'curl ']) {
      const bare = printedLine(begin).replace(/ --cert \S+ --key \S+/, '');
      const limited = begin.startsWith('etcdctl') ? `${bare} --command-timeout 3s` : bare;
      const refused = await type(limited);
      assert.notEqual(refused.code, 0, refused.stdout);
      assert.equal(refused.stdout, '');
    }
    const own = await type(printedLine('lockstep put').replace(/ --cert \S+ --key \S+/, ''));
    assert.match(own.stderr, /it wants a certificate of this client/);
  });

  test('shows the console to a browser with the certificate', { skip: noBrowser }, async (t) => {
    const origin = `https://127.0.0.1:${port}`;
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      chromiumSandbox: false,
    });
    t.after(() => browser.close());
    const file = (name: string): string => join(directory, 'certs', name);
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      clientCertificates: [
        { origin, certPath: file('client.pem'), keyPath: file('client-key.pem') },
      ],
    });
    const page = await context.newPage();
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await page.goto(origin);
    await page.getByText('hello', { exact: true }).first().waitFor();
    assert.match(sockets.join(), /^wss:/);
  });
});
