import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import { findRivals } from './rivals.ts';

const apt = 'etc/apt/apt.conf.d';
const signal = new AbortController().signal;

/** A host without systemctl, so that only its files speak. */
async function rivalsOf(root: FakeRoot, env = root.bareEnv): Promise<string> {
  return (await findRivals({ root: root.path, env, signal })).join('\n');
}

function withApt(t: TestContext, text: string): Promise<string> {
  const root = new FakeRoot(t);
  root.write(`${apt}/50unattended-upgrades`, text);
  return rivalsOf(root);
}

test('a bare host has no rivals', async (t) => {
  assert.equal(await rivalsOf(new FakeRoot(t)), '');
});

test('unattended-upgrades is one when it reboots, however it is written', async (t) => {
  const ons = [
    'Unattended-Upgrade::Automatic-Reboot "true";',
    'Unattended-Upgrade {\n  Origins { "a"; };\n  Automatic-Reboot "true";\n};',
    'Acquire::http::Proxy "http://a/"; Unattended-Upgrade::Automatic-Reboot "1";',
  ];
  for (const text of ons)
    assert.match(await withApt(t, text), /unattended-upgrades.*50unatt/, text);
  const offs = [
    '//Unattended-Upgrade::Automatic-Reboot "true";',
    '/* Unattended-Upgrade::Automatic-Reboot "true"; */',
    '# Unattended-Upgrade::Automatic-Reboot "true";',
    'Unattended-Upgrade::Automatic-Reboot "false";',
    'Unattended-Upgrade::Automatic-Reboot-WithUsers "true";',
    'Unattended-Upgrade::Automatic-Reboot-Time "02:00";',
  ];
  for (const text of offs) assert.equal(await withApt(t, text), '', text);
});

test('of several files of apt the last one counts, and a backup copy does not', async (t) => {
  const root = new FakeRoot(t);
  const setting = (value: string) => `Unattended-Upgrade::Automatic-Reboot "${value}";`;
  root.write(`${apt}/50unattended-upgrades`, setting('true'));
  root.write(`${apt}/60ours`, setting('false'));
  root.write(`${apt}/70copy.dpkg-old`, setting('true'));
  assert.equal(await rivalsOf(root), '');
  root.write(`${apt}/80theirs.conf`, setting('true'));
  assert.match(await rivalsOf(root), /80theirs\.conf/);
});

test('dnf-automatic is one when it reboots', async (t) => {
  const root = new FakeRoot(t);
  root.write('etc/dnf/automatic.conf', '[commands]\nreboot = never\n');
  assert.equal(await rivalsOf(root), '');
  root.write('etc/dnf/automatic.conf', '[commands]\nreboot = when-needed\n');
  assert.match(await rivalsOf(root), /dnf-automatic.*when-needed.*reboot = never/);
});

test('units that reboot are found by the links that enable them', async (t) => {
  const root = new FakeRoot(t);
  for (const unit of ['locksmithd', 'rebootmgr', 'zincati']) {
    root.write(`etc/systemd/system/multi-user.target.wants/${unit}.service`);
  }
  assert.match(await rivalsOf(root), /^locksmithd.*\nrebootmgr.*\nzincati.*$/);
});

test('units that reboot are found by systemctl, which is asked about the right root', async (t) => {
  const root = new FakeRoot(t);
  root.program(
    'systemctl',
    'case "$*" in *locksmithd*) echo enabled;; *) echo masked; exit 1;; esac',
  );
  root.write('etc/systemd/system/multi-user.target.wants/zincati.service');
  assert.match(await rivalsOf(root, root.env), /^locksmithd.*systemctl mask[^\n]*$/);
  assert.ok(root.callsOf('systemctl').includes(`--root=${root.path} is-enabled zincati.service`));
});

test('a unit that the image itself starts is found, though systemd calls it static', async (t) => {
  const root = new FakeRoot(t);
  root.program('systemctl', 'echo static');
  assert.equal(await rivalsOf(root, root.env), '');
  root.write('usr/lib/systemd/system/multi-user.target.wants/locksmithd.service');
  assert.match(await rivalsOf(root, root.env), /^locksmithd[^\n]*$/);
});

test('what is enabled and told not to reboot is none', async (t) => {
  const root = new FakeRoot(t);
  root.program('systemctl', 'echo enabled');
  root.write('etc/flatcar/update.conf', 'GROUP=stable\nREBOOT_STRATEGY=off\n');
  root.write('etc/rebootmgr.conf', '[rebootmgr]\nstrategy=off\n');
  root.write('etc/zincati/config.d/90-off.toml', '[updates]\nenabled = false\n');
  assert.equal(await rivalsOf(root, root.env), '');
});

test('kured is known by the logs of its pod', async (t) => {
  const root = new FakeRoot(t);
  root.write('var/log/pods/kube-system_other-x_1/kured.log');
  assert.equal(await rivalsOf(root), '');
  root.write('var/log/pods/kube-system_kured-5v9xk_0d1e/kured/0.log');
  assert.match(await rivalsOf(root), /kured/);
});
