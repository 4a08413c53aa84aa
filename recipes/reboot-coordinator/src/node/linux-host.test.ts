import assert from 'node:assert/strict';
import { release } from 'node:os';
import { test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import { HostError } from './host-error.ts';
import { LinuxHost, type LinuxHostOptions, unknownVersion } from './linux-host.ts';
import { parseSource } from './sources.ts';

const facts = { id: 'host-1', group: 'web', grant: 'g-7', reason: 'linux-image\n6.1\0' };
const signal = new AbortController().signal;
const done = { isDone: true };

function hostOn(root: FakeRoot, options: LinuxHostOptions = {}) {
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
  };
  return { host: new LinuxHost({ root: root.path, env: root.env, log, ...options }), lines };
}

test('the version is the release of the kernel, or what a command writes', async (t) => {
  const root = new FakeRoot(t);
  assert.equal(await hostOn(root).host.version(), release());
  const versionCommand = 'echo image-42; echo more';
  assert.equal(await hostOn(root, { versionCommand }).host.version(), 'image-42');
});

test('a version command that fails, or writes nothing, gives a version that nobody waits for', async (t) => {
  const root = new FakeRoot(t);
  for (const [versionCommand, why] of [
    ['echo 6.1; exit 3', /version command.*exit code 3/],
    ['true', /writes nothing/],
  ] as const) {
    const { host, lines } = hostOn(root, { versionCommand });
    assert.equal(await host.version(), unknownVersion);
    assert.match(lines.join('\n'), why);
  }
});

test('the boot id is read once, from below the root or from a file in its place', async (t) => {
  const root = new FakeRoot(t);
  await assert.rejects(hostOn(root).host.bootId(), HostError);
  root.write('proc/sys/kernel/random/boot_id', 'boot-1\n');
  root.write('boot', 'boot-a\n');
  const { host } = hostOn(root);
  assert.equal(await host.bootId(), 'boot-1');
  root.write('proc/sys/kernel/random/boot_id', 'boot-2\n');
  assert.equal(await host.bootId(), 'boot-1');
  assert.equal(await hostOn(root, { bootIdFile: `${root.path}/boot` }).host.bootId(), 'boot-a');
});

test('the need comes from what fits the host, with the version that is to come', async (t) => {
  const root = new FakeRoot(t);
  const { host } = hostOn(root, { targetCommand: 'echo 6.2', env: root.env });
  assert.deepEqual(await host.needsReboot(signal), { needed: 'no' });
  root.write('run/reboot-required');
  const need = { needed: 'yes', reason: '/run/reboot-required', target: '6.2' };
  assert.deepEqual(await host.needsReboot(signal), need);
});

test('a target command that fails hides no need', async (t) => {
  const root = new FakeRoot(t);
  const sources = [parseSource('command:echo new')];
  const { host, lines } = hostOn(root, { sources, targetCommand: 'echo oh >&2; exit 9' });
  assert.deepEqual(await host.needsReboot(signal), { needed: 'yes', reason: 'new' });
  assert.match(lines.join('\n'), /target command.*exit code 9: oh/);
});

test('a need is unknown when it is given up, and never rejects', async (t) => {
  const root = new FakeRoot(t);
  root.write('run/reboot-required');
  const need = await hostOn(root).host.needsReboot(AbortSignal.abort());
  assert.equal(need.needed, 'unknown');
});

test('hooks are told the host, the group, the grant, the reason and the phase', async (t) => {
  const root = new FakeRoot(t);
  const line = `echo "$LOCKSTEP_PHASE|$LOCKSTEP_HOST|$LOCKSTEP_GROUP|$LOCKSTEP_GRANT|$LOCKSTEP_REASON" >> ${root.path}/told`;
  const { host } = hostOn(root, { drainCommand: line, undrainCommand: line, rebootCommand: line });
  assert.deepEqual(await host.drain(facts, signal), done);
  assert.deepEqual(await host.reboot(facts, signal), done);
  assert.deepEqual(await host.undrain(facts, signal), done);
  const rest = 'host-1|web|g-7|linux-image 6.1';
  assert.equal(root.read('told'), `drain|${rest}\nreboot|${rest}\nundrain|${rest}\n`);
});

test('without commands a host is drained at once', async (t) => {
  const { host, lines } = hostOn(new FakeRoot(t));
  assert.deepEqual(await host.drain(facts, signal), done);
  assert.deepEqual(await host.undrain(facts, signal), done);
  assert.deepEqual(lines, []);
});

test('a hook that fails says how, with the last it said', async (t) => {
  const { host } = hostOn(new FakeRoot(t), { drainCommand: 'echo still 3 clients >&2; exit 1' });
  const why = 'drain command: exit code 1: still 3 clients';
  assert.deepEqual(await host.drain(facts, signal), { isDone: false, why });
});

test('a hook that hangs is ended, and is not done', async (t) => {
  const options = { drainCommand: "trap '' TERM; sleep 60; sleep 60", hookTimeoutMs: 50 };
  const { host } = hostOn(new FakeRoot(t), { ...options, hookGraceMs: 50 });
  const why = 'drain command: no end within 50 ms';
  assert.deepEqual(await host.drain(facts, signal), { isDone: false, why });
});

test('the reboot is asked of systemctl, which respects inhibitors', async (t) => {
  const root = new FakeRoot(t);
  root.program('systemctl', 'exit 0');
  assert.deepEqual(await hostOn(root).host.reboot(facts, signal), done);
  assert.deepEqual(root.callsOf('systemctl'), ['--check-inhibitors=yes reboot']);
});

test('a reboot that is refused is not done, and says what systemctl said', async (t) => {
  const root = new FakeRoot(t);
  const inhibited = 'Operation inhibited by "backup" (PID 9 "rsync"), reason is "nightly".';
  root.program('systemctl', `echo '${inhibited}' >&2; exit 1`);
  const why = `systemctl reboot: exit code 1: ${inhibited}`;
  assert.deepEqual(await hostOn(root).host.reboot(facts, signal), { isDone: false, why });
});

test('a systemctl that is missing or too old is a sentence with what to do', async (t) => {
  const root = new FakeRoot(t);
  const whyNot = async (env: NodeJS.ProcessEnv) => {
    const result = await hostOn(root, { env }).host.reboot(facts, signal);
    return result.isDone ? '' : result.why;
  };
  assert.match(await whyNot(root.bareEnv), /no systemctl on this host.*--reboot-command/);
  root.program(
    'systemctl',
    `echo "systemctl: unrecognized option '--check-inhibitors=yes'" >&2; exit 1`,
  );
  assert.match(await whyNot(root.env), /older than systemd 248.*--reboot-command/);
});

test('a dry run tells of hooks and of the reboot, and runs none', async (t) => {
  const root = new FakeRoot(t);
  root.program('systemctl', 'exit 0');
  const touch = `touch ${root.path}/ran`;
  const dry = { dryRun: true, drainCommand: touch, undrainCommand: touch };
  const { host, lines } = hostOn(root, dry);
  for (const result of [
    await host.drain(facts, signal),
    await host.reboot(facts, signal),
    await host.undrain(facts, signal),
    await hostOn(root, { ...dry, rebootCommand: touch }).host.reboot(facts, signal),
  ]) {
    assert.deepEqual(result, done);
  }
  assert.throws(() => root.read('ran'), /ENOENT/);
  assert.throws(() => root.callsOf('systemctl'), /ENOENT/);
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /^dry run, drain not run: touch .*grant g-7, linux-image 6\.1/);
  assert.match(lines[1] ?? '', /^dry run, reboot not run: systemctl --check-inhibitors=yes reboot/);
});

test('checks of the host and of the group are run together, each once', async (t) => {
  const root = new FakeRoot(t);
  const count = `command:echo x >> ${root.path}/count`;
  const { host } = hostOn(root, { checks: [count, 'command:exit 2'] });
  const result = await host.check([count, 'command:exit 3', 'command:exit 3'], signal);
  const why = 'command:exit 2: exit code 2; command:exit 3: exit code 3';
  assert.deepEqual(result, { isGreen: false, why });
  assert.equal(root.read('count'), 'x\n');
  assert.deepEqual(await hostOn(root).host.check(['command:true'], signal), { isGreen: true });
});

test('a check of the group that this agent does not know is red and stops no other', async (t) => {
  const { host } = hostOn(new FakeRoot(t));
  const result = await host.check(['ping:a', 'command:exit 2'], signal);
  assert.match(result.isGreen ? '' : result.why, /"ping:a" is no check.*; command:exit 2/);
  assert.equal((await host.check(['ping:a'], signal)).isGreen, false);
});

test('a key is checked by whoever has the store', async (t) => {
  const keyCheck = async (key: string) => ({ isGreen: false, why: `no ${key}` }) as const;
  const { host } = hostOn(new FakeRoot(t), { keyCheck, checks: ['key:apps/{id}'] });
  const why = 'key:apps/{id}: no apps/{id}';
  assert.deepEqual(await host.check([], signal), { isGreen: false, why });
});

test('rivals are those below the root', async (t) => {
  const root = new FakeRoot(t);
  assert.deepEqual(await hostOn(root, { env: root.bareEnv }).host.rivals(), []);
  root.write('etc/dnf/automatic.conf', 'reboot = when-changed\n');
  const found = await hostOn(root, { env: root.bareEnv }).host.rivals();
  assert.match(found.join('\n'), /^dnf-automatic/);
});

test('options that cannot be are refused when the host is made', () => {
  assert.throws(() => new LinuxHost({ checks: ['ping:a'] }), /is no check/);
  assert.throws(() => new LinuxHost({ drainCommand: ' ' }), /drainCommand is empty/);
  for (const ms of [0, -1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => new LinuxHost({ hookTimeoutMs: ms }),
      /hookTimeoutMs is .* at most/,
      `${ms}`,
    );
  }
});
