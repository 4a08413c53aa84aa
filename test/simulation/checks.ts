import { assert } from '../../server/src/core/base/assert.ts';
import { crc32c } from '../../server/src/core/base/crc32c.ts';
import type { Command } from '../../server/src/core/command.ts';
import { decodeCommand } from '../../server/src/core/command-codec.ts';
import { type Applied, Machine } from '../../server/src/core/machine.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import { decodeChange } from '../../server/src/core/raft/membership.ts';
import type { Message, VoteRequest } from '../../server/src/core/raft/message.ts';
import type { Entry } from '../../server/src/core/raft/types.ts';
import { genesisIndex } from '../../server/src/member/bootstrap.ts';
import type { Member } from '../../server/src/member/member.ts';
import { decodeFrame, encodeFrame } from '../../server/src/member/peer-frame.ts';
import type { Coverage } from './coverage.ts';
import { MessageRate } from './message-rate.ts';
import type { SimHost } from './sim-cluster.ts';

/** The first byte of the frames that carry messages of the core. */
const messagesTag = encodeFrame({ type: 'messages', messages: [] })[0];

interface Life {
  readonly member: Member;
  /** Commit index and term only go up within a life. */
  committed: number;
  term: number;
}

/**
 * What must hold at every moment, whatever breaks (paper, figure 3): election safety, state machine
 * safety, log matching of what is committed, terms and commit indexes that never go down, and equal
 * state at equal index. Throws where it does not.
 */
export class Checks {
  readonly #coverage: Coverage;
  /** Who led each term. */
  readonly #leaders = new Map<number, string>();
  /** The one entry that was ever applied at each index. */
  readonly #applied = new Map<number, string>();
  readonly #commands = new Map<number, Command['type'] | undefined>();
  /** State hashes by applied index. */
  readonly #hashes = new Map<number, { hash: number; host: string }>();
  readonly #lives = new Map<SimHost, Life>();
  /** The highest term each host ever answered in, over all its lives. */
  readonly #terms = new Map<SimHost, number>();
  readonly #votes = new Map<string, string>();
  /** What each who asked for a vote held, and what the asked one knew to be committed. */
  readonly #asks = new Map<string, { lastIndex: number; committed: number }>();
  /** Until when each that woke has no reason to ask for votes. */
  readonly #quiet = new Map<SimHost, number>();
  readonly #rate = new MessageRate();
  /** The simulated time. */
  now: () => number = () => 0;
  #wasJoint = false;
  allowFailure = false;
  /** What every member must be like: it applied each committed entry once, in order. */
  readonly reference = new Machine();
  #referenceIndex = genesisIndex;
  /** Everything that was ever written. */
  readonly history: KeyValue[] = [];
  /** Told of every command the first time that any member applied it. */
  onApplied: (applied: Applied, command: Command, now: number) => void = () => {};

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /** A host without its disk is another one. */
  forget(host: SimHost): void {
    this.#terms.delete(host);
  }

  started(host: SimHost, member: Member): void {
    const told = this.#terms.get(host) ?? 0;
    assert(
      member.raft.term >= told,
      `${host.name} forgot term ${told}: it restarted in term ${member.raft.term}`,
    );
    this.#lives.set(host, { member, committed: 0, term: 0 });
  }

  memberFailed(host: SimHost, error: Error): void {
    const isExpected =
      this.allowFailure ||
      host.mayFail.some(({ why, untilLife }) => host.life <= untilLife && why.test(error.message));
    assert(isExpected, `${host.name} stopped by itself: ${error.message}`);
  }

  /** @returns what kind of command it was, if it was one. */
  applied(host: SimHost, entry: Entry, now: number): Command['type'] | undefined {
    const content = `${entry.term}.${entry.kind}.${entry.payload.length}.${crc32c(entry.payload)}`;
    const known = this.#applied.get(entry.index);
    if (known === undefined) this.#applied.set(entry.index, content);
    else {
      assert(
        known === content,
        `state machine safety: ${host.name} applied ${content} at ${entry.index}, others ${known}`,
      );
    }
    if (entry.index === this.#referenceIndex + 1) {
      this.#commands.set(entry.index, this.#applyToReference(entry, now));
    }
    return this.#commands.get(entry.index);
  }

  #applyToReference(entry: Entry, now: number): Command['type'] | undefined {
    this.#referenceIndex = entry.index;
    if (entry.kind === 'membership') {
      this.reference.applyMembership(decodeChange(entry.payload));
    } else if (entry.payload.length > 0) {
      const applied = this.reference.apply(entry.payload, entry.index);
      this.history.push(...applied.events);
      const { command } = decodeCommand(entry.payload);
      this.onApplied(applied, command, now);
      return command.type;
    }
    return undefined;
  }

  /** Looks at every running member; called after each event of the simulation. */
  look(hosts: readonly SimHost[]): void {
    for (const host of hosts) {
      const life = this.#lives.get(host);
      if (host.member === undefined || life?.member !== host.member) continue;
      this.#lookAt(host, life);
    }
  }

  #lookAt(host: SimHost, life: Life): void {
    const { raft } = life.member;
    assert(raft.term >= life.term, `${host.name} lowered its term`);
    assert(raft.committed >= life.committed, `${host.name} lowered its commit index`);
    life.term = raft.term;
    life.committed = raft.committed;
    if (raft.role !== 'leader') return;
    const leader = this.#leaders.get(raft.term);
    if (leader === undefined) {
      this.#leaders.set(raft.term, host.name);
      this.#coverage.reach('leader elected');
    }
    assert(
      leader === undefined || leader === host.name,
      `election safety: ${leader} and ${host.name} lead term ${raft.term}`,
    );
    const joint = raft.membership.outgoing.length > 0;
    if (joint && !this.#wasJoint) this.#coverage.reach('joint membership entered');
    if (!joint && this.#wasJoint) this.#coverage.reach('joint membership left');
    this.#wasJoint = joint;
  }

  /** What a frame promises must outlive the process: the term that it answers in, and a vote. */
  sent(host: SimHost, frame: Uint8Array): void {
    if (frame[0] !== messagesTag) return;
    const decoded = decodeFrame(frame);
    if (decoded.type !== 'messages') return;
    this.#rate.count(host.name, decoded.messages.length, this.now());
    for (const message of decoded.messages) this.#said(host, message);
  }

  #said(host: SimHost, message: Message): void {
    switch (message.type) {
      case 'voteRequest':
        this.#noteAsk(message);
        if (!message.transfer) this.#checkQuiet(host);
        if (message.preVote) return;
        // Whoever asks for votes has given itself its own.
        this.#votesFor(host, message.term, message.from);
        break;
      case 'voteReply':
        if (!message.granted) return;
        if (message.preVote) return this.#checkPromise(host, message);
        this.#votesFor(host, message.term, message.to);
        break;
      case 'appendReply':
        // An answer of index 0 only tells a leader of the past that it is one: it promises nothing, and need not be durable.
        if (!message.success || message.index === 0) return;
        break;
      default:
        return;
    }
    this.#terms.set(host, Math.max(message.term, this.#terms.get(host) ?? 0));
  }

  #votesFor(host: SimHost, term: number, candidate: string): void {
    const key = `${host.name} in term ${term}`;
    const vote = this.#votes.get(key) ?? candidate;
    assert(vote === candidate, `${key} votes for ${vote} and for ${candidate}`);
    this.#votes.set(key, vote);
  }

  /**
   * Nobody is promised a vote by who knew, before it was asked, that more is committed than the other holds (thesis 9.6). Of real
   * votes that follows from all else.
   */
  #checkPromise(host: SimHost, { from, to, term }: Message): void {
    const ask = this.#asks.get(`${to} to ${from}: ${term}`);
    if (ask === undefined) return;
    assert(
      ask.lastIndex >= ask.committed,
      `${host.name} knew that entry ${ask.committed} is committed and promises its vote to one whose last is ${ask.lastIndex}`,
    );
  }

  #noteAsk({ from, to, term, lastIndex }: VoteRequest): void {
    const voter = [...this.#lives].find(([{ memberId }]) => memberId === to)?.[1];
    const committed = voter?.committed ?? 0;
    const key = `${from} to ${to}: ${term}`;
    const before = this.#asks.get(key);
    // It may be asked twice for a term, and answer the first.
    const least = Math.min(committed, before?.committed ?? committed);
    this.#asks.set(key, {
      lastIndex: Math.max(lastIndex, before?.lastIndex ?? 0),
      committed: least,
    });
  }

  /** It was asleep for a short time, and its leader has spoken to it all along: it has no reason to ask for votes. */
  woke(host: SimHost, quietUntil: number): void {
    this.#quiet.set(host, quietUntil);
    this.#coverage.reach('member that woke kept quiet');
  }

  #checkQuiet(host: SimHost): void {
    const until = this.#quiet.get(host) ?? 0;
    assert(this.now() >= until, `${host.name} woke beside its leader and asks for votes`);
  }

  /** Members at the same applied index have the same state, now or at any other time. */
  compareStates(hosts: readonly SimHost[]): void {
    this.#hashes.set(this.#referenceIndex, { hash: this.reference.hash(), host: 'the reference' });
    for (const { member, name } of hosts) {
      if (member === undefined) continue;
      const hash = member.machine.hash();
      const known = this.#hashes.get(member.appliedIndex);
      if (known === undefined) this.#hashes.set(member.appliedIndex, { hash, host: name });
      else {
        assert(
          known.hash === hash,
          `${name} and ${known.host} differ in state at index ${member.appliedIndex}`,
        );
      }
    }
  }
}
