import type { Alarm, AlarmKind, MemberId } from '@lockstep/client/protocol';

/** Which alarms; what is absent stands for all. */
export interface AlarmSelector {
  readonly memberId?: MemberId | undefined;
  readonly alarm?: AlarmKind | undefined;
}

/** The replicated alarms; each is there once. Deterministic. */
export class AlarmTable {
  /** By member id, then by alarm, both as text. */
  #alarms: readonly Alarm[] = [];

  /** @returns false when it was raised already. */
  raise({ memberId, alarm }: Alarm): boolean {
    if (this.hasFor(memberId, alarm)) return false;
    this.#alarms = [...this.#alarms, { memberId, alarm }].sort(compareAlarms);
    return true;
  }

  /** @returns those that were cleared, sorted. */
  clear(which: AlarmSelector): Alarm[] {
    const cleared = this.#alarms.filter((alarm) => fits(which, alarm));
    if (cleared.length > 0) this.#alarms = this.#alarms.filter((alarm) => !fits(which, alarm));
    return cleared;
  }

  /** By member id, then by alarm; the list never changes afterwards. */
  list(): readonly Alarm[] {
    return this.#alarms;
  }

  has(alarm: AlarmKind): boolean {
    return this.#alarms.some((other) => other.alarm === alarm);
  }

  hasFor(memberId: MemberId, alarm: AlarmKind): boolean {
    return this.#alarms.some((other) => other.memberId === memberId && other.alarm === alarm);
  }

  /** Takes the alarms of a snapshot in place of what it has. */
  restore(alarms: readonly Alarm[]): void {
    this.#alarms = [];
    for (const alarm of alarms) this.raise(alarm);
  }
}

function fits({ memberId, alarm }: AlarmSelector, candidate: Alarm): boolean {
  return (
    (memberId === undefined || memberId === candidate.memberId) &&
    (alarm === undefined || alarm === candidate.alarm)
  );
}

function compareAlarms(left: Alarm, right: Alarm): number {
  if (left.memberId !== right.memberId) return left.memberId < right.memberId ? -1 : 1;
  return left.alarm < right.alarm ? -1 : left.alarm > right.alarm ? 1 : 0;
}
