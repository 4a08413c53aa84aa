import { composed, type Opening, Schedule } from './calendar/schedule.ts';
import type { FleetHost } from './fleet-host.ts';
import { Line } from './line.ts';
import type { FailureRecord, GroupPolicy, Order, PaceRecord } from './records.ts';
import { policyDefaults } from './records.ts';
import { Usage } from './usage.ts';

/** A group: its policy if it is declared, its hosts, and who of them waits. */
export class FleetGroup {
  readonly name: string;
  policy: GroupPolicy | undefined;
  #schedule: Schedule = Schedule.of({});
  /** Its windows and those of the fleet together, while neither changes. */
  #both: { readonly of: Schedule; readonly schedule: Schedule } | undefined;
  paused: Order | undefined;
  pace: PaceRecord = {};
  isBroken = false;
  readonly failures = new Map<string, FailureRecord>();
  readonly hosts = new Map<string, FleetHost>();
  readonly holders = new Map<string, FleetHost>();
  readonly usage = new Usage();
  /** Those that could have a slot if there was one, by zone. */
  readonly lines = new Map<string, Line>();
  /** Those that wait until a time, and that time. */
  readonly later = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  /** @throws PolicyError when its windows cannot be read; then it is as if it was not declared. */
  declare(policy: GroupPolicy | undefined): void {
    this.policy = undefined;
    this.#schedule = Schedule.of(policy ?? {});
    this.#both = undefined;
    this.policy = policy;
  }

  /** Whether its windows and those of the fleet are open. */
  opening(fleet: Schedule, now: number): Opening {
    if (this.#both?.of !== fleet) {
      this.#both = { of: fleet, schedule: composed(fleet, this.#schedule) };
    }
    return this.#both.schedule.at(now);
  }

  line(zone: string): Line {
    let line = this.lines.get(zone);
    if (line === undefined) {
      line = new Line();
      this.lines.set(zone, line);
    }
    return line;
  }

  /** Whether too many have failed since somebody last resumed it. */
  get isBreakerOpen(): boolean {
    const after = this.policy?.breakAfter ?? policyDefaults.breakAfter;
    return this.isBroken || (after > 0 && this.failures.size >= after);
  }

  /** Whether it is declared, or anybody has named it. */
  get isNamed(): boolean {
    return this.policy !== undefined || this.hosts.size > 0 || this.failures.size > 0;
  }

  /** Whether nothing is known of it. Its breaker, pause or pace may be read before its policy, and must not be lost. */
  get isEmpty(): boolean {
    const { grantedAt, releasedAt } = this.pace;
    const isPaced = grantedAt !== undefined || releasedAt !== undefined;
    return !this.isNamed && !this.isBroken && this.paused === undefined && !isPaced;
  }
}
