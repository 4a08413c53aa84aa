import type { MemberId } from '@lockstep/client/protocol';

export interface HashReport {
  readonly memberId: MemberId;
  /** The log index at which the hash was taken. */
  readonly check: number;
  readonly hash: number;
}

/** The check that is under way, as a snapshot carries it. */
export interface HashCheckView {
  /** 0 when there was none. */
  readonly check: number;
  readonly reports: readonly HashReport[];
}

/**
 * The comparison of the members' states. A check is an entry of the log: each member hashes what it
 * has when it applies it, and reports in another entry. So the verdict is replicated as well, and the
 * same on every member.
 */
export class HashCheck {
  #check = 0;
  #reports = new Map<MemberId, HashReport>();

  /** A check that is not finished is given up. */
  begin(index: number): void {
    this.#check = index;
    this.#reports.clear();
  }

  /**
   * Takes a member's report.
   * @param members all members now.
   * @returns who has another state than more than half of the members; all who reported, when
   * everybody did and no such half exists.
   */
  report(report: HashReport, members: readonly MemberId[]): MemberId[] {
    if (report.check !== this.#check) return [];
    this.#reports.set(report.memberId, report);
    const reports = [...this.#reports.values()].sort((left, right) =>
      left.memberId < right.memberId ? -1 : 1,
    );
    const counts = new Map<number, number>();
    for (const { hash } of reports) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    if (counts.size < 2) return [];
    for (const [hash, count] of counts) {
      if (count * 2 <= members.length) continue;
      return reports.filter((other) => other.hash !== hash).map(({ memberId }) => memberId);
    }
    const everybody = members.every((memberId) => this.#reports.has(memberId));
    return everybody ? reports.map(({ memberId }) => memberId) : [];
  }

  /** Whether the check is the one under way, and every member has reported the same. */
  hasAgreed(check: number, members: readonly MemberId[]): boolean {
    if (check !== this.#check) return false;
    const hashes = new Set([...this.#reports.values()].map(({ hash }) => hash));
    return hashes.size === 1 && members.every((memberId) => this.#reports.has(memberId));
  }

  view(): HashCheckView {
    const reports = [...this.#reports.values()].sort((left, right) =>
      left.memberId < right.memberId ? -1 : 1,
    );
    return { check: this.#check, reports };
  }

  restore(view: HashCheckView): void {
    this.#check = view.check;
    this.#reports = new Map(view.reports.map((report) => [report.memberId, report]));
  }
}
