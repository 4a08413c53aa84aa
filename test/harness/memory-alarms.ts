import type { Alarm, AlarmKind, MemberId } from '@lockstep/client/protocol';

/** Undefined stands for all. */
export interface WhichAlarms {
  readonly memberId: MemberId | undefined;
  readonly alarm: AlarmKind | undefined;
}

/** The alarms of a store in memory. */
export class MemoryAlarms {
  #raised: Alarm[] = [];

  get list(): readonly Alarm[] {
    return this.#raised;
  }

  raise(alarm: Alarm): void {
    this.#raised.push(alarm);
  }

  /** @returns what was cleared. */
  clear(which: WhichAlarms): readonly Alarm[] {
    const fits = (alarm: Alarm): boolean =>
      alarm.memberId === (which.memberId ?? alarm.memberId) &&
      alarm.alarm === (which.alarm ?? alarm.alarm);
    const cleared = this.#raised.filter(fits);
    this.#raised = this.#raised.filter((alarm) => !fits(alarm));
    return cleared;
  }
}
