/** So many ticks after there was little room an alarm for it is still the leader's own. */
const memoryTicks = 50;
/** The share of the quota from which on the leader may have raised it. */
const highAt = 0.9;

/**
 * Whether the alarm for lack of space was raised by hand: it came while there was room. Such an alarm
 * is the operator's, and is not cleared because there is room. A member that starts anew does not
 * know any more, and takes it for the leader's.
 */
export class HandRaisedAlarm {
  readonly #quotaBytes: number;
  #wasAlarmed: boolean;
  #ticksSinceHigh = memoryTicks + 1;
  #isByHand = false;

  constructor(quotaBytes: number, alarmed: boolean) {
    this.#quotaBytes = quotaBytes;
    this.#wasAlarmed = alarmed;
  }

  get isByHand(): boolean {
    return this.#isByHand;
  }

  tick({ stateBytes, alarmed }: { readonly stateBytes: number; readonly alarmed: boolean }): void {
    this.#ticksSinceHigh = stateBytes > highAt * this.#quotaBytes ? 0 : this.#ticksSinceHigh + 1;
    if (!alarmed) this.#isByHand = false;
    else if (!this.#wasAlarmed) this.#isByHand = this.#ticksSinceHigh > memoryTicks;
    this.#wasAlarmed = alarmed;
  }
}
