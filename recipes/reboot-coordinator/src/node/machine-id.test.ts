import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import { HostError } from './host-error.ts';
import { applicationMachineId, readBootId, readMachineId } from './machine-id.ts';

const machineId = '1c09ca98649c4c7abc779cd04c96812e';

test('the id of a host is the one that FleetLock clients send', () => {
  assert.equal(applicationMachineId(machineId), '978a225b3d7b40e9acd7ce9b62f68444');
});

test('every id has the form of a random UUID', () => {
  for (let n = 0; n < 64; n++) {
    const id = applicationMachineId(n.toString(16).padStart(32, '0'));
    assert.match(id, /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  }
});

test('the case of a machine id makes no other host of it', () => {
  assert.equal(applicationMachineId(machineId.toUpperCase()), applicationMachineId(machineId));
});

test('what is no machine id gets no hash', () => {
  for (const text of ['', 'x', `${machineId}0`, machineId.replace('1', 'g')]) {
    assert.throws(() => applicationMachineId(text), HostError, text);
  }
});

test('the machine id is read from below the root', async (t) => {
  const root = new FakeRoot(t);
  root.write('etc/machine-id', `${machineId}\n`);
  assert.equal(await readMachineId(root.path), machineId);
});

test('a machine id that tells no host from another is refused with what would mend it', async (t) => {
  const root = new FakeRoot(t);
  const refusal = async (pattern: RegExp) => {
    await assert.rejects(readMachineId(root.path), (error: Error) => {
      assert.ok(error instanceof HostError);
      assert.match(error.message, pattern);
      assert.match(error.message, /etc\/machine-id.*systemd-machine-id-setup.*--id/);
      return true;
    });
  };
  await refusal(/is not there/);
  for (const [text, pattern] of [
    ['', /is empty/],
    ['\n', /is empty/],
    ['uninitialized\n', /first boot is not over/],
    ['1234\n', /32 hexadecimal digits/],
    [`${'0'.repeat(32)}\n`, /zeros only/],
  ] as const) {
    root.write('etc/machine-id', text);
    await refusal(pattern);
  }
});

test('the boot id is read from the kernel, or from a file in its place', async (t) => {
  const root = new FakeRoot(t);
  root.write('proc/sys/kernel/random/boot_id', 'b0a5c0de-0000-4000-8000-000000000001\n');
  root.write('other', 'boot-2\n');
  assert.equal(await readBootId(root.path), 'b0a5c0de-0000-4000-8000-000000000001');
  assert.equal(await readBootId(root.path, `${root.path}/other`), 'boot-2');
  assert.match(await readBootId(), /^[0-9a-f-]{36}$/);
});

test('a missing or empty boot id is an error, since no reboot could be proved', async (t) => {
  const root = new FakeRoot(t);
  await assert.rejects(readBootId(root.path), /boot_id is not there.*cannot be proved/);
  root.write('proc/sys/kernel/random/boot_id', '\n');
  await assert.rejects(readBootId(root.path), /holds no boot id/);
});
