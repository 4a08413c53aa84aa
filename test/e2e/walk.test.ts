import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from '@lockstep/client/protocol';
import { freePortRun, lockstep, Program, temporaryDirectory, until } from '../harness/processes.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Another program that a reader of the documents would run. */
class Tool {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;

  constructor(command: string, args: readonly string[], input = '') {
    const child = spawn(command, args, { cwd: here, stdio: 'pipe' });
    this.#child = child;
    child.stdin.on('error', () => {}); // It may end without having read its input.
    child.stdin.end(input);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
  }

  async done(): Promise<string> {
    const code = await this.#exit;
    assert.equal(code, 0, `exit code ${code}: ${this.stderr}`);
    return this.stdout;
  }

  async said(pattern: RegExp): Promise<void> {
    const describe = () => `${this.stdout}${this.stderr}`;
    await until(`it says ${pattern}`, () => pattern.test(this.stdout), { describe });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

function curl(...args: readonly string[]): Promise<string> {
  return new Tool('curl', ['--silent', '--show-error', ...args]).done();
}

describe('what a reader of the documents types, on one member', { concurrency: 2 }, () => {
  let member: Program;
  let address = '';
  let to: readonly string[] = [];

  before(async () => {
    const directory = temporaryDirectory();
    address = `127.0.0.1:${await freePortRun(2)}`;
    to = ['--endpoints', address];
    // What `npm start` runs, on another port.
    member = new Program(['serve', '--listen', address], { directory });
    const [, first] = await member.said(/lockstep (put hello etcd .*)/);
    assert.equal(first, `put hello etcd --endpoints ${address}`, 'it prints what to type next');
    assert(existsSync(join(directory, 'lockstep-data', 'identity.json')));
  });
  after(async () => {
    member.kill('SIGTERM');
    assert.deepEqual(await member.ended(), { code: 0, signal: null }, member.describe());
  });

  test('put prints OK, get prints key and value', async () => {
    const put = await lockstep(['put', 'hello', 'etcd', ...to]);
    assert.deepEqual(put, { code: 0, stdout: 'OK\n', stderr: '' });
    const get = await lockstep(['get', 'hello', ...to]);
    assert.deepEqual(get, { code: 0, stdout: 'hello\netcd\n', stderr: '' });
    const health = await lockstep(['health', ...to]);
    assert.equal(health.code, 0);
    assert.match(health.stdout, /is healthy/);
  });

  test('curl puts and gets', async () => {
    const put = await curl('-X', 'PUT', `http://${address}/v1/kv/a`, '-d', '1');
    assert.match(put, /"revision":\d+/);
    assert.equal(await curl(`http://${address}/v1/kv/a`), '1');
    assert.match(await curl(`http://${address}/v1/kv.range`, '-d', '{"key":"a"}'), /"value":"1"/);
  });

  test('curl -N watches: a put made elsewhere is shown', async () => {
    const watch = new Tool('curl', ['-N', '-s', `http://${address}/v1/watch?prefix=sse/`]);
    try {
      await watch.said(/^id: ?\d+/m);
      assert.equal((await lockstep(['put', 'sse/color', 'green', ...to])).code, 0);
      await watch.said(/"sse\/color".*"green"/);
    } finally {
      await watch.stop();
    }
  });

  test('lockstep watch shows a put made elsewhere, until Ctrl-C', async () => {
    const watch = new Program(['watch', '--prefix', 'cli/', ...to]);
    // It says nothing before the first event, so puts are made until it shows one.
    await until('it shows a put', async () => {
      await curl('-X', 'PUT', `http://${address}/v1/kv/cli/a`, '-d', 'seen');
      return watch.stdout.includes('PUT\ncli/a\nseen\n');
    });
    watch.kill('SIGINT');
    assert.deepEqual(await watch.ended(), { code: 0, signal: null }, watch.describe());
  });

  test('the ten lines of PROTOCOL.md, with nothing but ws and JSON, watch a prefix', async () => {
    const document = readFileSync(join(here, '../../client/protocol/PROTOCOL.md'), 'utf8');
    const script = /```js\n(import WebSocket[\s\S]*?)```/.exec(document)?.[1];
    assert(script !== undefined, 'the script is there');
    assert(script.includes('127.0.0.1:2379'));
    const source = script.replace('127.0.0.1:2379', address);
    const watcher = new Tool(process.execPath, ['--input-type=module', '--eval', source]);
    try {
      await until('it shows a put', async () => {
        await curl('-X', 'PUT', `http://${address}/v1/kv/config/b`, '-d', 'two');
        return /^\d+ put config\/b two$/m.test(watcher.stdout);
      });
    } finally {
      await watcher.stop();
    }
  });

  test('an empty key is refused by the command and over HTTP', async () => {
    const put = await lockstep(['put', '', 'x', ...to]);
    assert.equal(put.code, 1);
    assert.match(put.stderr, /^lockstep: .*key is (not provided|empty)/);
    assert.match(await curl('-X', 'PUT', `http://${address}/v1/kv/`, '-d', '1'), /"empty_key"/);
  });

  test('what is too large is refused by the command and over HTTP, and the member goes on', async () => {
    const input = 'v'.repeat(limits.requestBytesMax + 1);
    const put = await lockstep(['put', 'large', ...to], { input });
    assert.equal(put.code, 1);
    assert.match(put.stderr, /^lockstep: .*1572870 bytes; a request may have 1572864/);
    const key = 'k'.repeat(limits.keyBytesMax + 1);
    const keyed = await lockstep(['put', key, 'x', ...to]);
    assert.equal(keyed.code, 1);
    assert.match(keyed.stderr, /key.*too large|65,?536/);
    const over = ['--write-out', '\n%{http_code}', '--data-binary', '@-', '-X', 'PUT'];
    const url = `http://${address}/v1/kv/large`;
    const answer = await new Tool('curl', ['-s', ...over, url], input).done();
    assert.match(answer, /"request_too_large"[\s\S]*\n413$/);
    assert.match(await curl(url), /not_found|no such key/);
  });

  test('no member, no answer: exit code 2 and what to do next', async () => {
    const nobody = `127.0.0.1:${await freePortRun(1)}`;
    const get = await lockstep(['get', 'a', '--endpoints', nobody, '--timeout', '500ms']);
    assert.equal(get.code, 2);
    assert.match(get.stderr, /no member answers at .*: start one with "lockstep serve"/);
  });
});
