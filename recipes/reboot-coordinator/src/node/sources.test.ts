import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import type { Need } from '../agent/host.ts';
import { PolicyError } from '../policy/fault.ts';
import { askAll, autoSources, parseSource, type Source, sourceForms } from './sources.ts';

const no = { needed: 'no' };
const signal = new AbortController().signal;

function ask(root: FakeRoot, ...texts: string[]): Promise<Need> {
  const context = { root: root.path, env: root.env, timeoutMs: 60_000, signal };
  return askAll(texts.map(parseSource), context);
}

async function whyUnknown(answer: Promise<Need>): Promise<string> {
  const need = await answer;
  assert.equal(need.needed, 'unknown');
  return 'why' in need ? need.why : '';
}

test("Debian's file is a yes, with the packages as the reason, each once", async (t) => {
  const root = new FakeRoot(t);
  assert.deepEqual(await ask(root, 'debian'), no);
  root.write('run/reboot-required', '*** System restart required ***\n');
  assert.deepEqual(await ask(root, 'debian'), { needed: 'yes', reason: '/run/reboot-required' });
  root.write('run/reboot-required.pkgs', 'linux-image-6.1\nlibc6\nlinux-image-6.1\n');
  const reason = '/run/reboot-required: linux-image-6.1, libc6';
  assert.deepEqual(await ask(root, 'debian'), { needed: 'yes', reason });
});

test('a long list of packages is cut short', async (t) => {
  const root = new FakeRoot(t);
  root.write('run/reboot-required');
  root.write('run/reboot-required.pkgs', Array.from({ length: 14 }, (_, n) => `p${n}`).join('\n'));
  const need = await ask(root, 'debian');
  assert.match(need.needed === 'yes' ? need.reason : '', /: p0, p1, .*p9 and 4 more$/);
});

test("SUSE's file says what kind of reboot is enough, at either path", async (t) => {
  const root = new FakeRoot(t);
  assert.deepEqual(await ask(root, 'suse'), no);
  root.write('var/run/reboot-needed', 'kexec\n');
  const older = { needed: 'yes', reason: '/var/run/reboot-needed: kexec' };
  assert.deepEqual(await ask(root, 'suse'), older);
  root.write('run/reboot-needed', 'soft-reboot\n');
  const newer = { needed: 'yes', reason: '/run/reboot-needed: soft-reboot' };
  assert.deepEqual(await ask(root, 'suse'), newer);
});

test('a sentinel that is there and no file is unknown, never a yes', async (t) => {
  const root = new FakeRoot(t);
  mkdirSync(join(root.path, 'run/reboot-required'), { recursive: true });
  root.pipe('run/reboot-needed');
  assert.match(await whyUnknown(ask(root, 'debian')), /no ordinary file/);
  assert.match(await whyUnknown(ask(root, 'suse')), /no ordinary file/);
});

test('needs-restarting: 1 is yes, 0 is no, and only they are answers', async (t) => {
  const root = new FakeRoot(t);
  const says = (script: string) => {
    root.program('needs-restarting', script);
    return ask(root, 'needs-restarting');
  };
  const yes = { needed: 'yes', reason: 'needs-restarting -r' };
  assert.deepEqual(await says('exit 1'), yes);
  assert.deepEqual(await says('echo Reboot is required; echo slow mirror >&2; exit 1'), yes);
  assert.deepEqual(await says('exit 0'), no);
  assert.match(await whyUnknown(says('exit 2')), /exit code 2/);
  assert.match(await whyUnknown(says('exit 127')), /exit code 127/);
  assert.match(await whyUnknown(says('kill -SEGV $$')), /signal SIGSEGV/);
  assert.deepEqual(new Set(root.callsOf('needs-restarting')), new Set(['-r']));
});

test('a needs-restarting that crashes with exit code 1 has not said yes', async (t) => {
  const root = new FakeRoot(t);
  root.program('needs-restarting', 'echo "Traceback: no module named dnf" >&2; exit 1');
  assert.match(await whyUnknown(ask(root, 'needs-restarting')), /exit code 1: Traceback/);
});

test('a needs-restarting that is not installed, or hangs, is unknown', async (t) => {
  const root = new FakeRoot(t);
  const source = parseSource('needs-restarting');
  const context = { root: root.path, env: root.bareEnv, timeoutMs: 60_000, signal };
  assert.match(await whyUnknown(source.ask(context)), /there is no program "needs-restarting"/);
  root.program('needs-restarting', 'sleep 60');
  const short = { ...context, env: root.env, timeoutMs: 50 };
  assert.match(await whyUnknown(source.ask(short)), /no end within 50 ms/);
});

test('rpm-ostree: 77 is yes, 0 is no, and only they are answers', async (t) => {
  const root = new FakeRoot(t);
  const says = (script: string) => {
    root.program('rpm-ostree', script);
    return ask(root, 'rpm-ostree');
  };
  assert.equal((await says('exit 77')).needed, 'yes');
  assert.deepEqual(await says('exit 0'), no);
  assert.match(await whyUnknown(says('echo no daemon >&2; exit 1')), /exit code 1: no daemon/);
  assert.deepEqual(new Set(root.callsOf('rpm-ostree')), new Set(['status --pending-exit-77']));
});

test('a command: 0 is yes with its first line, 1 is no, and only they are answers', async (t) => {
  const root = new FakeRoot(t);
  const yes = { needed: 'yes', reason: 'kernel 6.2' };
  assert.deepEqual(await ask(root, 'command:echo; echo kernel 6.2; echo more'), yes);
  assert.deepEqual(await ask(root, 'command:true'), { needed: 'yes', reason: '"true" says so' });
  assert.deepEqual(await ask(root, 'command:false'), no);
  assert.match(await whyUnknown(ask(root, 'command:exit 2')), /exit code 2/);
  assert.match(
    await whyUnknown(ask(root, 'command:no-such-program')),
    /exit code 127: .*not found/,
  );
  assert.match(await whyUnknown(ask(root, 'command:kill -9 $$')), /signal SIGKILL/);
});

test('a file of any name is a yes with its first line', async (t) => {
  const root = new FakeRoot(t);
  assert.deepEqual(await ask(root, 'file:/etc/reboot-me'), no);
  root.write('etc/reboot-me', '');
  assert.deepEqual(await ask(root, 'file:/etc/reboot-me'), {
    needed: 'yes',
    reason: '/etc/reboot-me',
  });
  root.write('etc/reboot-me', 'firmware\nmore');
  const reason = '/etc/reboot-me: firmware';
  assert.deepEqual(await ask(root, 'file:/etc/reboot-me'), { needed: 'yes', reason });
});

test('of several, a yes wins over an unknown, and an unknown over a no', async (t) => {
  const root = new FakeRoot(t);
  const [yes1, yes2] = ['command:echo a', 'command:echo b'];
  const [noOne, doubt1, doubt2] = ['command:exit 1', 'command:exit 7', 'command:exit 8'];
  assert.deepEqual(await ask(root, noOne, doubt1, yes1, yes2), { needed: 'yes', reason: 'a; b' });
  const why = await whyUnknown(ask(root, doubt1, noOne, doubt2));
  assert.equal(why, '"exit 7": exit code 7; "exit 8": exit code 8');
  assert.deepEqual(await ask(root, noOne, noOne), no);
  assert.match(await whyUnknown(ask(root)), /no source/);
});

test('a source of somebody else that throws is unknown', async (t) => {
  const root = new FakeRoot(t);
  const broken: Source = { name: 'ours', ask: () => Promise.reject(new Error('out of luck')) };
  const context = { root: root.path, env: root.env, timeoutMs: 1_000, signal };
  assert.match(await whyUnknown(askAll([broken], context)), /ours: .*out of luck/);
});

test('what fits a host is asked without being told', async (t) => {
  const root = new FakeRoot(t);
  const names = async () =>
    (await autoSources({ root: root.path, env: root.bareEnv })).map(({ name }) => name);
  assert.deepEqual(await names(), ['debian', 'suse']);
  root.program('needs-restarting', 'exit 0');
  assert.deepEqual(await names(), ['debian', 'suse', 'needs-restarting']);
  root.write('run/ostree-booted');
  assert.deepEqual(await names(), ['debian', 'suse', 'rpm-ostree']);
});

test('a source is named as it was written', () => {
  for (const text of [
    'debian',
    'suse',
    'needs-restarting',
    'rpm-ostree',
    'command:a b',
    'file:/a',
  ]) {
    assert.equal(parseSource(text).name, text);
  }
});

test('what is no source is refused with a list of those there are', () => {
  for (const text of ['', 'ubuntu', 'Debian', 'commands:x']) {
    assert.throws(
      () => parseSource(text),
      (error: Error) =>
        error instanceof PolicyError && sourceForms.every((form) => error.message.includes(form)),
      text,
    );
  }
  assert.throws(() => parseSource('command: '), /names its command/);
  assert.throws(() => parseSource('file:etc/x'), /path from the root, not "etc\/x"/);
});
