export interface AutoCompactionOptions {
  /** Keep the history of some time, or of so many revisions; `off`: only who asks for it compacts. */
  readonly mode: 'periodic' | 'revision' | 'off';
  /** For `periodic`: history younger than this is kept. */
  readonly retentionTicks: number;
  /** For `revision`: so many of the newest are kept. */
  readonly revisions: number;
  /** Compacts at most once in so many ticks, but for want of room. */
  readonly everyTicks: number;
}

export interface HistoryState {
  readonly revision: number;
  /** 0 when never compacted. */
  readonly compactRevision: number;
  /** Estimated bytes of what compaction could free. */
  readonly historyBytes: number;
  readonly historyBytesMax: number;
}

interface Sample {
  readonly tick: number;
  readonly revision: number;
}

/** Periodic compaction is exact to this part of its retention. */
const samplesPerRetention = 10;

/**
 * Decides when history is dropped, and up to where. Every member counts, so that a new leader
 * knows how old revisions are; what it answers is a proposal only on the leader.
 */
export class AutoCompaction {
  readonly #options: AutoCompactionOptions;
  readonly #sampleTicks: number;
  /** Oldest first; the first one is the newest that is old enough, once there is one. */
  readonly #samples: Sample[] = [];
  #now = 0;
  #nextTurn = 0;
  #nextRelief = 0;

  constructor(options: AutoCompactionOptions) {
    this.#options = options;
    this.#sampleTicks = Math.max(1, Math.floor(options.retentionTicks / samplesPerRetention));
  }

  /** @returns the revision to compact at now, if any: above the compact revision and not beyond the newest. */
  tick(state: HistoryState): number | undefined {
    const { mode } = this.#options;
    if (mode === 'off') return undefined;
    if (mode === 'periodic') this.#sample(state.revision);
    const target = Math.max(this.#turn(state), this.#relief(state));
    this.#now++;
    return target === 0 ? undefined : target;
  }

  /** What the mode asks for; 0 for nothing. */
  #turn({ revision, compactRevision }: HistoryState): number {
    if (this.#now < this.#nextTurn) return 0;
    const target =
      this.#options.mode === 'periodic'
        ? this.#oldEnough()
        : Math.max(0, revision - this.#options.revisions);
    if (target <= compactRevision) return 0;
    this.#nextTurn = this.#now + this.#options.everyTicks;
    return target;
  }

  /** What the lack of room asks for: about half of the history goes. 0 for nothing. */
  #relief({ revision, compactRevision, historyBytes, historyBytesMax }: HistoryState): number {
    if (historyBytes <= historyBytesMax) {
      this.#nextRelief = 0;
      return 0;
    }
    if (this.#now < this.#nextRelief || revision <= compactRevision) return 0;
    // Memory is freed some time after a compaction is applied: until then it looks as if it had
    // not helped, and history would be halved again and again.
    this.#nextRelief = this.#now + Math.max(1, Math.ceil(this.#options.everyTicks / 10));
    return Math.ceil((compactRevision + revision) / 2);
  }

  #sample(revision: number): void {
    if (this.#now % this.#sampleTicks === 0) this.#samples.push({ tick: this.#now, revision });
  }

  /** The newest sample that is at least as old as the retention; 0 when there is none. */
  #oldEnough(): number {
    const isOld = (sample: Sample | undefined) =>
      sample !== undefined && sample.tick + this.#options.retentionTicks <= this.#now;
    while (isOld(this.#samples[1])) this.#samples.shift();
    const [oldest] = this.#samples;
    return oldest !== undefined && isOld(oldest) ? oldest.revision : 0;
  }
}
