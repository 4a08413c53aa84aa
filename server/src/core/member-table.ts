import type { MemberId } from '@lockstep/client/protocol';

/** What the leader does with a learner once it has caught up: makes it a voter. */
export interface Promotion {
  /** Whom it takes the place of, in the same change; '' for nobody. */
  readonly replaces: MemberId;
}

/** What the cluster knows of a member besides its part in Raft. */
export interface MemberRecord {
  readonly memberId: MemberId;
  readonly name: string;
  /** Where other members reach it. */
  readonly peerAddress: string;
  /** Where clients reach it; '' until it has registered. */
  readonly clientAddress: string;
  /** The data directory that acts under the id; '' until it has registered. */
  readonly directoryId: string;
  /** Absent for a voter, and for a learner that waits until it is told to be promoted. */
  readonly promotion?: Promotion | undefined;
}

/** Why a registration is refused: the id belongs to another directory, for ever. */
export interface RegistrationRefusal {
  readonly registeredDirectory: string;
}

/** The replicated list of members, sorted by id. */
export class MemberTable {
  readonly #records = new Map<MemberId, MemberRecord>();

  get(memberId: MemberId): MemberRecord | undefined {
    return this.#records.get(memberId);
  }

  list(): MemberRecord[] {
    return [...this.#records.values()].sort((left, right) =>
      left.memberId < right.memberId ? -1 : 1,
    );
  }

  set(record: MemberRecord): void {
    this.#records.set(record.memberId, record);
  }

  remove(memberId: MemberId): void {
    this.#records.delete(memberId);
  }

  /** It votes from now on: what was to become of it has come. */
  promoted(memberId: MemberId): void {
    const record = this.#records.get(memberId);
    if (record?.promotion !== undefined) this.set({ ...record, promotion: undefined });
  }

  /** Binds the id to the directory, or refuses when another directory has it. */
  register(record: MemberRecord): RegistrationRefusal | undefined {
    const known = this.#records.get(record.memberId);
    if (
      known !== undefined &&
      known.directoryId !== '' &&
      known.directoryId !== record.directoryId
    ) {
      return { registeredDirectory: known.directoryId };
    }
    this.#records.set(record.memberId, { ...record, promotion: known?.promotion });
    return undefined;
  }
}
