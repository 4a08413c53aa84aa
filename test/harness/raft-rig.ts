import { membershipOf } from '../../server/src/core/raft/membership.ts';
import type { Body, Message } from '../../server/src/core/raft/message.ts';
import { Raft } from '../../server/src/core/raft/raft.ts';
import type { ReadState, WriteBatch } from '../../server/src/core/raft/ready.ts';
import type { RaftOptions } from '../../server/src/core/raft/state.ts';
import type { Entry, MemberId, SnapshotMeta } from '../../server/src/core/raft/types.ts';
import { worldDefaults } from './raft-world.ts';

export interface RigOptions {
  readonly voters?: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  /** The term of each entry in the log. */
  readonly log?: readonly number[];
  /** The log itself, where terms are not enough. */
  readonly entries?: readonly Entry[];
  readonly term?: number;
  readonly vote?: MemberId;
  readonly commit?: number;
  readonly limits?: Partial<RaftOptions>;
}

/** Member 1 alone; the test plays all the others. Writes are durable at once unless `held`. */
export class Rig {
  readonly raft: Raft;
  held = false;
  readonly writes: WriteBatch[] = [];
  applied: Entry[] = [];
  reads: ReadState[] = [];
  snapshotsTo: MemberId[] = [];
  installed: SnapshotMeta | undefined;
  #sent: Message[] = [];

  constructor(options: RigOptions = {}) {
    const { voters = ['1', '2', '3'], learners = [], log = [], limits } = options;
    const membership = membershipOf(voters, learners);
    this.raft = new Raft(
      { ...worldDefaults, id: '1', seed: 3629, ...limits },
      {
        hardState: {
          term: options.term ?? log.at(-1) ?? 0,
          vote: options.vote ?? '',
          commit: options.commit ?? 0,
        },
        snapshot: { index: 0, term: 0, membership },
        entries: options.entries ?? log.map((term, at) => entry(at + 1, term)),
      },
    );
    this.drain();
  }

  /** A leader of term 1, or of the term after its log, whose first entry nobody has confirmed yet. */
  static leader(options: RigOptions = {}): Rig {
    const rig = new Rig({ ...options, limits: { preVote: false, ...options.limits } });
    rig.act((raft) => raft.campaign());
    for (const voter of options.voters ?? ['1', '2', '3']) {
      if (rig.raft.role !== 'leader') rig.gets(voter, { type: 'voteReply', ...granted });
    }
    if (rig.raft.role !== 'leader') throw new Error('the rig did not become leader');
    return rig;
  }

  act<Result>(run: (raft: Raft) => Result): Result {
    const result = run(this.raft);
    this.drain();
    return result;
  }

  /** A message arrives; in the member's own term unless said otherwise. */
  gets(from: MemberId, body: Body, term = this.raft.term): void {
    this.act((raft) => raft.step({ ...body, from, to: '1', term } as Message));
  }

  ticks(count: number): void {
    for (let at = 0; at < count; at++) this.act((raft) => raft.tick());
  }

  /** What was sent since the last call. */
  sent(type?: Message['type']): Message[] {
    const messages = this.#sent;
    this.#sent = [];
    return messages.filter((message) => type === undefined || message.type === type);
  }

  /** The disk is done with everything it was given. */
  persist(): void {
    const last = this.writes.at(-1);
    if (last !== undefined) this.act((raft) => raft.persisted(last.batch));
  }

  confirms(from: MemberId, index: number): void {
    this.gets(from, { type: 'appendReply', success: true, index, hintIndex: 0, hintTerm: 0 });
  }

  private drain(): void {
    for (let ready = this.raft.take(); ready !== undefined; ready = this.raft.take()) {
      this.#sent.push(...ready.now);
      this.applied.push(...ready.committed);
      this.reads.push(...ready.reads);
      this.snapshotsTo.push(...ready.snapshotsTo);
      this.installed = ready.install ?? this.installed;
      if (ready.write === undefined) continue;
      this.writes.push(ready.write);
      if (!this.held) this.raft.persisted(ready.write.batch);
    }
  }
}

export const granted = { preVote: false, granted: true } as const;

export function entry(index: number, term: number, text = ''): Entry {
  return { index, term, kind: 'command', payload: new TextEncoder().encode(text) };
}

export function append(
  prev: readonly [index: number, term: number],
  entries: readonly Entry[],
  commit = 0,
): Body {
  const [prevIndex, prevTerm] = prev;
  return { type: 'appendRequest', prevIndex, prevTerm, entries, commit };
}

export function heartbeat(commit = 0, round = 0): Body {
  return { type: 'heartbeat', commit, round };
}

export function voteRequest(last: readonly [index: number, term: number], preVote = false): Body {
  const [lastIndex, lastTerm] = last;
  return { type: 'voteRequest', preVote, lastIndex, lastTerm, transfer: false };
}
