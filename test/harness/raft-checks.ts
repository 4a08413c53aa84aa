import assert from 'node:assert/strict';
import { changeMembership, decodeChange } from '../../server/src/core/raft/membership.ts';
import type { Raft } from '../../server/src/core/raft/raft.ts';
import type { WriteBatch } from '../../server/src/core/raft/ready.ts';
import type { Entry, Membership, SnapshotMeta } from '../../server/src/core/raft/types.ts';
import type { RaftHost } from './raft-host.ts';
import { payloadText } from './raft-trace.ts';

interface Committed {
  readonly term: number;
  readonly text: string;
  /** The term of the leader that committed it. */
  readonly by: number;
  /** In force after it. */
  readonly membership: Membership;
}

/** What a host was before the input that is going on. */
interface Before {
  readonly membership: Membership;
  readonly leads: boolean;
  readonly committed: number;
}

/**
 * The properties that Raft guarantees at all times (paper, figure 3), and those this project adds,
 * checked after every single input. One object watches all members of a world.
 */
export class RaftChecks {
  /** Entry `index` is at `index - 1`. */
  readonly committed: Committed[] = [];
  readonly #initial: Membership;
  readonly #hosts: () => Iterable<RaftHost>;
  readonly #leaders = new Map<number, string>();
  /** Term of the entry before, and the content, by index@term. */
  readonly #slots = new Map<string, string>();
  readonly #reads = new Map<number, number>();
  #before: Before | undefined;

  constructor(initial: Membership, hosts: () => Iterable<RaftHost>) {
    this.#initial = initial;
    this.#hosts = hosts;
  }

  get commitIndex(): number {
    return this.committed.length;
  }

  /** Leaderships seen so far. */
  get leaders(): number {
    return this.#leaders.size;
  }

  before(host: RaftHost): void {
    const raft = host.raft as Raft;
    const { membership, committed } = raft;
    this.#before = { membership, committed, leads: raft.role === 'leader' };
  }

  changed(host: RaftHost): void {
    const raft = host.raft as Raft;
    const before = this.#before;
    assert(before !== undefined);
    if (raft.role === 'leader') this.#leaderSeen(host, raft);
    assert(raft.committed >= before.committed, `${host.id} takes back its commit index`);
    if (raft.committed > this.commitIndex) {
      assert(before.leads || raft.role === 'leader', `${host.id} commits without leading`);
      this.#committed(raft, [before.membership, raft.membership]);
    }
    const known = this.committed[raft.committed - 1];
    const term = raft.termAt(raft.committed);
    if (known !== undefined && term !== undefined) {
      assert.equal(term, known.term, `${host.id} has another committed entry ${raft.committed}`);
    }
  }

  /** Election safety and leader completeness. */
  #leaderSeen(host: RaftHost, raft: Raft): void {
    const name = `${host.id} since start ${host.incarnation}`;
    const known = this.#leaders.get(raft.term);
    if (known === name) return;
    assert.equal(known, undefined, `election safety: term ${raft.term} has the leader ${name} too`);
    this.#leaders.set(raft.term, name);
    for (const [at, { term, by }] of this.committed.entries()) {
      const index = at + 1;
      if (by >= raft.term || index < raft.firstIndex - 1) continue;
      const message = `leader completeness: ${name} of term ${raft.term} lacks entry ${index}`;
      assert.equal(raft.termAt(index), term, message);
    }
  }

  /** A committed entry is durable on a quorum of the membership in force. */
  #committed(raft: Raft, inForce: readonly Membership[]): void {
    const last = raft.committed;
    const term = raft.termAt(last) as number;
    assert(
      inForce.some((membership) => this.#durable(membership, last, term)),
      `entry ${last}@${term} is committed but not durable on a quorum`,
    );
    for (const entry of raft.entries(this.commitIndex + 1, Number.POSITIVE_INFINITY)) {
      if (entry.index > last) break;
      const membership = after(entry, this.committed.at(-1)?.membership ?? this.#initial);
      const { term } = entry;
      this.committed.push({ term, text: payloadText(entry), by: raft.term, membership });
    }
  }

  #durable({ voters, outgoing }: Membership, index: number, term: number): boolean {
    const holders = new Set<string>();
    for (const { id, disk } of this.#hosts()) if (disk.holds(index, term)) holders.add(id);
    return [voters, outgoing].every(
      (half) => half.length === 0 || 2 * half.filter((id) => holders.has(id)).length > half.length,
    );
  }

  /** Log matching: an index and a term name one entry, and by induction all before it. */
  writes(host: RaftHost, batch: WriteBatch): void {
    for (const entry of batch.entries) {
      const name = `${entry.index}@${entry.term}`;
      const content = `after term ${host.raft?.termAt(entry.index - 1)}: ${payloadText(entry)}`;
      const known = this.#slots.get(name);
      if (known === undefined) this.#slots.set(name, content);
      else assert.equal(content, known, `log matching: entry ${name} differs on ${host.id}`);
    }
  }

  /** State machine safety. */
  apply(host: RaftHost, entry: Entry): void {
    assert.equal(entry.index, host.applied + 1, `${host.id} skips or repeats an entry`);
    const known = this.committed[entry.index - 1];
    assert(known !== undefined, `${host.id} applies ${entry.index}, which nobody committed`);
    assert.equal(`${entry.term}:${payloadText(entry)}`, `${known.term}:${known.text}`);
  }

  install(host: RaftHost, { index, term, membership }: SnapshotMeta): void {
    const known = this.committed[index - 1];
    assert.equal(term, known?.term, `${host.id} installs a snapshot of something uncommitted`);
    assert.deepEqual(membership, known?.membership, `${host.id} installs a false membership`);
  }

  readAsked(context: number): void {
    this.#reads.set(context, this.commitIndex);
  }

  /** Linearizable: what was committed before the question is in the answer. */
  readAnswered(context: number, index: number): void {
    const asked = this.#reads.get(context);
    if (asked === undefined) return;
    assert(index >= asked, `read ${context} answers ${index}; ${asked} was committed when it came`);
  }
}

function after(entry: Entry, membership: Membership): Membership {
  if (entry.kind === 'command') return membership;
  const next = changeMembership(membership, decodeChange(entry.payload));
  assert(!('refused' in next), `entry ${entry.index} is a membership change that is not allowed`);
  return next;
}
