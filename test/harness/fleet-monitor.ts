import type { Client } from '@lockstep/client';
import { Fleet, FleetKeys, type HostRecord } from '@lockstep/reboot-coordinator';

interface Observed {
  readonly isUp: boolean;
}

/**
 * Follows the records of a fleet, revision by revision, and the machines themselves, and holds them to two rules: never more
 * than the limit down by plan, and no slot lost: every grant is there until it is released.
 */
export class FleetMonitor {
  readonly #client: Client;
  readonly #keys = new FleetKeys();
  readonly #faults: string[] = [];
  readonly #over = new AbortController();
  readonly #departures: { readonly id: string; readonly bootId: string }[] = [];
  /** Boots that a record said to end. */
  readonly #leaving = new Set<string>();
  /** Grants by host, as the records told them. */
  readonly #held = new Map<string, string>();
  readonly #granted = new Map<string, string>();
  readonly released: string[] = [];
  readonly #fleet = new Fleet(this.#keys);
  /** The most that a group held at once. */
  readonly most = new Map<string, number>();
  /** The most machines of a group that were down by plan at once. */
  readonly mostDown = new Map<string, number>();
  #machines: ReadonlyMap<string, Observed> = new Map();
  revisions = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  start(machines: ReadonlyMap<string, Observed>): void {
    this.#machines = machines;
    this.#follow().catch((error: unknown) => {
      if (!this.#over.signal.aborted) this.#faults.push(`the monitor ended: ${String(error)}`);
    });
  }

  stop(): void {
    this.#over.abort();
  }

  assertClean(): void {
    if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'));
  }

  /** A machine goes down: its record must say so, which the monitor may hear of later than the machine. */
  wentDown(id: string, bootId: string): void {
    this.#departures.push({ id, bootId });
    const group = this.#fleet.hosts.get(id)?.record.group ?? '';
    const down = [...this.#machines].filter(([other, { isUp }]) => {
      const record = this.#fleet.hosts.get(other)?.record;
      return record?.group === group && record.grant !== undefined && (!isUp || other === id);
    });
    this.mostDown.set(group, Math.max(this.mostDown.get(group) ?? 0, down.length));
  }

  /** When all is quiet and the monitor has seen everything: whoever went down had a slot for just that boot. */
  assertDepartures(): void {
    for (const { id, bootId } of this.#departures) {
      if (this.#leaving.has(`${id} ${bootId}`)) continue;
      this.#faults.push(`${id} ended its boot "${bootId}" without a slot`);
    }
    this.assertClean();
  }

  async #follow(): Promise<void> {
    const watch = this.#client.watch({
      prefix: this.#keys.root,
      initial: true,
      signal: this.#over.signal,
    });
    for await (const { events } of watch.batches()) {
      this.revisions++;
      for (const { type, kv } of events) {
        const key = this.#keys.read(kv.key);
        const value = type === 'put' ? kv.value : undefined;
        this.#fleet.apply(kv.key, value, kv.modRevision);
        if (key?.kind === 'host') this.#see(key.host, value);
      }
      this.#count();
    }
  }

  #see(id: string, value: string | undefined): void {
    const record = value === undefined ? undefined : (JSON.parse(value) as HostRecord);
    if (record?.state === 'rebooting') this.#leaving.add(`${id} ${record.grant?.bootId}`);
    const was = this.#held.get(id);
    const now = record?.grant?.id;
    if (was === now) return;
    if (was !== undefined) {
      if (!isRelease(record)) {
        this.#faults.push(`the slot ${was} of ${id} is gone, and it is ${record?.state}`);
      }
      this.released.push(was);
      this.#held.delete(id);
    }
    if (now === undefined) return;
    if (was !== undefined) this.#faults.push(`${id} was granted ${now} while it held ${was}`);
    const other = this.#granted.get(now);
    if (other !== undefined) this.#faults.push(`the grant ${now} went to ${other} and to ${id}`);
    if (record?.state !== 'granted') this.#faults.push(`${id} got ${now} and was ${record?.state}`);
    this.#granted.set(now, id);
    this.#held.set(id, now);
    this.#checkGrant(record?.group ?? '');
  }

  /** At the moment of a grant, limits hold; those that were lowered later are for later. */
  #checkGrant(group: string): void {
    const holders = this.#fleet.groups.get(group)?.holders.size ?? 0;
    this.most.set(group, Math.max(this.most.get(group) ?? 0, holders));
    const limit = this.#limitOf(group) + (this.#fleet.groups.get(group)?.policy?.writeOff ?? 0);
    if (holders > limit) this.#faults.push(`${holders} hosts of ${group} hold slots, of ${limit}`);
    const { limit: all, writeOff = 0 } = this.#fleet.policy;
    if (all === undefined) return;
    const held = this.#held.size;
    if (held > this.#fleet.usage.slots(all) + writeOff)
      this.#faults.push(`${held} hosts hold slots of the fleet`);
  }

  #limitOf(group: string): number {
    const there = this.#fleet.groups.get(group);
    return there?.policy === undefined ? 0 : there.usage.slots(there.policy.limit);
  }

  #count(): void {
    for (const [host, grant] of this.#held) {
      const record = this.#fleet.hosts.get(host)?.record;
      if (record?.grant?.id !== grant) this.#faults.push(`the slot ${grant} of ${host} is lost`);
    }
  }
}

/** What a host may be when its slot has ended: there is no other way to give one back. */
function isRelease(record: HostRecord | undefined): boolean {
  switch (record?.state) {
    case undefined: // decommissioned
    case 'done':
      return true;
    case 'failed':
      return record.failure !== undefined;
    case 'waiting':
      return record.request?.gaveBack !== undefined;
    case 'idle':
      return record.isDrained === true;
    default:
      return false;
  }
}
