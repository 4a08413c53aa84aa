import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { HostError } from './host-error.ts';
import { readSmallFile } from './small-file.ts';

/** The id under which FleetLock clients hash theirs. A host that comes from one of them keeps its id with it. */
const fleetLockApplication = Buffer.from('de35106b6ec24688b63afddaa156679b', 'hex');

/**
 * The id by which a host is known: a hash, since the machine id itself is confidential. It is what FleetLock clients
 * send by default.
 *
 * @throws {HostError} if the machine id is not 32 hexadecimal digits.
 */
export function applicationMachineId(machineId: string): string {
  if (!/^[0-9a-f]{32}$/i.test(machineId)) {
    throw new HostError(`"${machineId}" is no machine id: that is 32 hexadecimal digits`);
  }
  const key = Buffer.from(machineId, 'hex');
  const id = createHmac('sha256', key).update(fleetLockApplication).digest().subarray(0, 16);
  // The bits by which it is a random UUID.
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x40, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  return id.toString('hex');
}

/**
 * The machine id in `etc/machine-id` below `root`.
 *
 * @throws {HostError} if there is none yet, or none that could tell this host from another.
 */
export async function readMachineId(root = '/'): Promise<string> {
  const path = join(root, 'etc/machine-id');
  const mend = 'run "systemd-machine-id-setup", or give this host an id of its own with --id';
  const id = (await read(path, mend)).trim();
  if (id === '') throw new HostError(`${path} is empty: ${mend}`);
  if (id === 'uninitialized') {
    throw new HostError(`${path} says "uninitialized", so the first boot is not over: ${mend}`);
  }
  if (!/^[0-9a-f]{32}$/i.test(id)) {
    throw new HostError(`${path} does not hold 32 hexadecimal digits: ${mend}`);
  }
  if (/^0+$/.test(id)) throw new HostError(`${path} holds zeros only: ${mend}`);
  return id.toLowerCase();
}

/**
 * The id of this boot, by the kernel.
 *
 * @param file where it is; `proc/sys/kernel/random/boot_id` below `root` when left out.
 * @throws {HostError} if it cannot be read or is empty.
 */
export async function readBootId(root = '/', file?: string): Promise<string> {
  const path = file ?? join(root, 'proc/sys/kernel/random/boot_id');
  const mend = 'a reboot cannot be proved without it; is /proc mounted?';
  const id = (await read(path, mend)).trim();
  if (!/^[\w.-]{1,128}$/.test(id)) {
    throw new HostError(
      `${path} holds no boot id, which is one word of letters and digits: ${mend}`,
    );
  }
  return id;
}

async function read(path: string, mend: string): Promise<string> {
  let text: string | undefined;
  try {
    text = await readSmallFile(path);
  } catch (error) {
    throw new HostError(`cannot read ${path} (${(error as Error).message}): ${mend}`);
  }
  if (text === undefined) throw new HostError(`${path} is not there: ${mend}`);
  return text;
}
