export interface SpaceOptions {
  readonly quotaBytes: number;
}

export interface SpaceState {
  /** Estimated bytes of memory that keys and their history take. */
  readonly stateBytes: number;
  /** Whether the alarm is raised now. */
  readonly alarmed: boolean;
}

/** Once raised, the alarm stays until so much of the quota is left, so that it does not come and go with every write. */
const clearedAt = 0.9;
const warnedAt = 0.8;

/** How much room the state has left: what the leader does about it, and what an operator is told. */
export class Space {
  readonly quotaBytes: number;

  constructor({ quotaBytes }: SpaceOptions) {
    this.quotaBytes = quotaBytes;
  }

  /** What the leader proposes to do with the alarm. The same again until it is applied. */
  decide({ stateBytes, alarmed }: SpaceState): 'raise' | 'clear' | undefined {
    if (!alarmed) return stateBytes >= this.quotaBytes ? 'raise' : undefined;
    return stateBytes <= clearedAt * this.quotaBytes ? 'clear' : undefined;
  }

  /** A sentence for the status and the log, from four fifths of the quota on. */
  warning(stateBytes: number): string | undefined {
    if (stateBytes < warnedAt * this.quotaBytes) return undefined;
    const percent = Math.floor((100 * stateBytes) / this.quotaBytes);
    const amount = `the state takes ${mebibytes(stateBytes)} MiB, ${percent} % of its quota of ${mebibytes(this.quotaBytes)} MiB`;
    return stateBytes >= this.quotaBytes
      ? `${amount}: writes that need room are refused until keys are deleted and history is compacted`
      : `${amount}: at 100 % writes that need room are refused; delete keys, compact history or raise the quota`;
  }

  /**
   * Whether a proposal is refused at once. The alarm refuses on every member, but only once it is
   * applied; until then the state could outgrow its quota by all that is on its way.
   */
  refuses(needsRoom: boolean, stateBytes: number): boolean {
    return needsRoom && stateBytes >= this.quotaBytes;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}
