import { misfitOf } from '../core/cluster-version.ts';
import type { MemberRecord, MemberTable } from '../core/member-table.ts';
import type { Message } from '../core/raft/message.ts';
import type { PeerNetwork } from '../ports.ts';
import { Caller, type Refusal } from './callers.ts';
import { checkMessage, checkPlace } from './message-check.ts';
import { Peer } from './peer.ts';
import { type Introduction, type PeerFrame, peerProtocolVersion } from './peer-frame.ts';

const callersMax = 64;

type Reachable = Pick<MemberRecord, 'memberId' | 'peerAddress'>;

export interface LinksEvents {
  monotonicMs(): number;
  introduce(): Introduction;
  members(): MemberTable;
  /** Whether a member still takes part in decisions, although it may be in the table no more. */
  takesPart(memberId: string): boolean;
  /** Where this member stands in Raft. */
  standing(): { readonly term: number; readonly leads: boolean };
  /** Raft messages from a member that was welcomed. */
  messages(messages: readonly Message[]): void;
  /** A frame about snapshots or an inquiry, from a member that dialed. */
  request(caller: Caller, frame: PeerFrame): void;
  /** Somebody who is no member yet asks who is. */
  lookedUp(caller: Caller): void;
  /** A frame that answers something sent to a peer. */
  answer(peer: Peer, frame: PeerFrame): void;
  up(peer: Peer, other: Introduction): void;
  down(peer: Peer): void;
  callerLeft(caller: Caller): void;
  /** This member does not want one that called. */
  turnedAway(other: Introduction, refusal: Refusal): void;
  /** The cluster is at a version beyond what this member's build can work with. */
  outdated(sentence: string): void;
  /** Another member does not want this one. */
  refused(peer: Peer, refusal: Refusal & { readonly fresh: boolean }): void;
  /** Everything sent to the peer has left. */
  drained(peer: Peer): void;
}

/** All links to and from the other members, and the rules of who may talk to whom. */
export class Links {
  readonly #network: PeerNetwork;
  readonly #events: LinksEvents;
  readonly #peers = new Map<string, Peer>();
  readonly #callers = new Set<Caller>();
  /** Callers that are not in the table, as bounded as the callers are. */
  readonly #strangers = new Map<string, Reachable>();
  /** What each peer said of itself when its link came up. */
  readonly #introductions = new Map<string, Introduction>();

  constructor(network: PeerNetwork, events: LinksEvents) {
    this.#network = network;
    this.#events = events;
  }

  /** Takes calls from now on, and dials everybody in the table. */
  open(): void {
    this.#network.accept((link) => {
      const caller = new Caller(link, {
        introduce: () => this.#events.introduce(),
        called: (other, to) => {
          const refusal = this.#called(other, to);
          if (refusal !== undefined) this.#events.turnedAway(other, refusal);
          return refusal;
        },
        traffic: (memberId) => this.#peers.get(memberId)?.traffic,
        lookedUp: (caller) => this.#events.lookedUp(caller),
        received: (from, frame) => this.#received(from, frame),
        left: (who) => {
          this.#callers.delete(who);
          this.#events.callerLeft(who);
          if (this.#strangers.delete(who.memberId)) this.sync();
        },
      });
      if (this.#callers.size >= callersMax) link.close();
      else this.#callers.add(caller);
      return caller.handler();
    });
    this.sync();
  }

  /** Follows the table: dials who was added, hangs up on who was removed or moved. */
  sync(): void {
    const self = this.#events.introduce();
    const wanted = new Map<string, Reachable>(this.#strangers);
    for (const record of this.#events.members().list()) {
      // One that replaces another may stand where that was: it is not to dial itself.
      const isHere = record.peerAddress === self.peerAddress;
      if (record.memberId !== self.memberId && !isHere) wanted.set(record.memberId, record);
    }
    for (const peer of [...this.#peers.values()]) {
      const record = wanted.get(peer.id);
      if (record?.peerAddress === peer.address) continue;
      // Until a joint change is left, who goes may be needed for it.
      if (record === undefined && this.#events.takesPart(peer.id)) continue;
      if (record === undefined) this.#dismiss(peer.id);
      peer.hangUp('it is not a member any more');
      this.#peers.delete(peer.id);
    }
    for (const record of wanted.values()) {
      if (this.#peers.has(record.memberId)) continue;
      this.#peers.set(record.memberId, this.#peer(record));
    }
  }

  /** It was removed, and may be the last to hear of it: the entry that says so need not reach it any more. */
  #dismiss(memberId: string): void {
    for (const caller of this.#callers) {
      if (caller.memberId !== memberId) continue;
      caller.answer({ type: 'inquiryReply', registeredDirectory: '', isMember: false });
    }
  }

  #peer(record: Reachable): Peer {
    return new Peer({ id: record.memberId, address: record.peerAddress }, this.#network, {
      monotonicMs: () => this.#events.monotonicMs(),
      introduce: () => this.#events.introduce(),
      greeted: (peer, other) => {
        this.#introductions.set(peer.id, other);
        return this.#problem(other)?.sentence;
      },
      refused: (peer, refusal) => this.#events.refused(peer, refusal),
      up: (peer) => {
        const other = this.#introductions.get(peer.id);
        if (other !== undefined) this.#events.up(peer, other);
      },
      down: (peer) => {
        this.#introductions.delete(peer.id);
        this.#events.down(peer);
      },
      answer: (peer, frame) => this.#events.answer(peer, frame),
      drained: (peer) => this.#events.drained(peer),
    });
  }

  #called(other: Introduction, to: string): Refusal | undefined {
    const self = this.#events.introduce();
    const problem = this.#problem(other);
    if (problem !== undefined) return problem;
    if (to !== self.memberId) {
      return {
        kind: 'member',
        sentence: `this is member ${self.name} (${self.memberId}), not ${to}: is the address of a member wrong?`,
      };
    }
    // A member has one link to here: an older one is dead, or will not be used any more.
    for (const caller of [...this.#callers]) if (caller.memberId === other.memberId) caller.close();
    if (this.#events.members().get(other.memberId) === undefined) {
      // It may lead, and then its entries are what brings the table up to date: it needs answers.
      this.#strangers.set(other.memberId, {
        memberId: other.memberId,
        peerAddress: other.peerAddress,
      });
      this.sync();
    }
    const peer = this.#peers.get(other.memberId);
    if (peer !== undefined && !peer.isUp) peer.hurry();
    return undefined;
  }

  /** What speaks against talking to the other, from what it says of itself. */
  #problem(other: Introduction): Refusal | undefined {
    const self = this.#events.introduce();
    if (other.protocol !== peerProtocolVersion) {
      return {
        kind: 'protocol',
        sentence: `${other.name} speaks peer protocol ${other.protocol}, this build speaks ${peerProtocolVersion}`,
      };
    }
    if (other.clusterId !== self.clusterId) {
      return {
        kind: 'cluster',
        sentence:
          `${other.name} and ${self.name} belong to different clusters: one was first started with ` +
          `--initial-cluster ${other.initialCluster}, the other with ${self.initialCluster}; ` +
          'all members of a new cluster need the same list and the same token',
      };
    }
    if (other.memberId === self.memberId) {
      return { kind: 'name', sentence: `two processes act as member ${self.name}: stop one` };
    }
    // Somebody who is not in the table may have been added since: this member's table may be old.
    const record = this.#events.members().get(other.memberId);
    const isBound = record !== undefined && record.directoryId !== '';
    if (isBound && record.directoryId !== other.directoryId) {
      return { kind: 'wiped', sentence: wipedSentence(record.name) };
    }
    return this.#versionProblem(self, other, record !== undefined);
  }

  /**
   * A cluster version never goes down, so who cannot work with one that was reached must not go on:
   * the other is turned away, and this member stops if one says so that is in the table, with its directory
   * once that is known, since anybody can call.
   * In all else one of the two may be behind, and the link is tried again.
   */
  #versionProblem(self: Introduction, other: Introduction, isMember: boolean): Refusal | undefined {
    let sentence: string | undefined;
    if (other.versions.highest < self.clusterVersion) sentence = misfit(other, self);
    else if (self.versions.highest < other.clusterVersion) {
      sentence = misfit(self, other);
      if (sentence !== undefined && isMember) this.#events.outdated(sentence);
    } else if (isTooNew(other, self)) sentence = tooNew(other, self);
    else if (isTooNew(self, other)) sentence = tooNew(self, other);
    if (sentence === undefined) return undefined;
    return { kind: 'protocol', sentence };
  }

  #received(caller: Caller, frame: PeerFrame): void {
    const stranger = this.#strangers.has(caller.memberId);
    if (frame.type === 'messages') {
      const { memberId: to, versions, clusterVersion } = this.#events.introduce();
      const link = {
        from: caller.memberId,
        to,
        clusterVersion,
        highestVersion: versions.highest,
        stranger,
        ...this.#events.standing(),
      };
      for (const message of frame.messages) checkMessage(message, link);
      this.#events.messages(frame.messages);
      return;
    }
    if (frame.type === 'snapshotBegin') checkPlace(frame, stranger);
    this.#events.request(caller, frame);
  }

  /** What a peer said of itself when its link came up. */
  introduction(id: string): Introduction | undefined {
    return this.#introductions.get(id);
  }

  peer(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  /** Everybody that this member dials. */
  peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** Peers whose link is up, with what they said of themselves. */
  *up(): Iterable<{ peer: Peer; other: Introduction }> {
    for (const peer of this.#peers.values()) {
      const other = this.#introductions.get(peer.id);
      if (peer.isUp && other !== undefined) yield { peer, other };
    }
  }

  /** In sentences, which peers cannot be reached and why. */
  problems(): string[] {
    const problems: string[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.isUp) continue;
      const name = this.#events.members().get(peer.id)?.name || peer.id;
      problems.push(`no link to ${name} at ${peer.address}: ${peer.problem || 'still dialing'}`);
    }
    return problems;
  }

  tick(): void {
    for (const caller of [...this.#callers]) caller.tick();
    for (const peer of this.#peers.values()) peer.tick();
  }

  post(message: Message): void {
    this.#peers.get(message.to)?.post(message);
  }

  flush(): void {
    for (const peer of this.#peers.values()) peer.flush();
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.hangUp('this member stops');
    this.#peers.clear();
    for (const caller of [...this.#callers]) caller.close();
  }
}

/** Why a build cannot work with the cluster version that another member's state has, or would begin with. */
function misfit({ name, versions }: Introduction, other: Introduction): string | undefined {
  return misfitOf(versions, begunAt(other), `the build of ${name}`);
}

/** True of a member that knows nothing of the cluster yet and would begin with a state beyond the other's. */
function isTooNew(one: Introduction, other: Introduction): boolean {
  return one.clusterVersion === 0 && one.versions.lowest > begunAt(other);
}

function tooNew(one: Introduction, other: Introduction): string | undefined {
  if (other.clusterVersion > 0) return misfit(one, other);
  return (
    'a new cluster begins at the lowest cluster version of its builds, which is ' +
    `${one.versions.lowest} for ${one.name} and ${other.versions.lowest} for ${other.name}: ` +
    'start all members with the same build'
  );
}

/** The cluster version of a member's state; that of a new cluster is the lowest of the build. */
function begunAt({ clusterVersion, versions }: Introduction): number {
  return clusterVersion === 0 ? versions.lowest : clusterVersion;
}

/** The answer to a member that comes back with an empty disk. */
export function wipedSentence(name: string): string {
  return (
    `the id of member ${name} belongs to another data directory: a member that lost its disk must ` +
    'not come back under its old id, because it has forgotten what it voted for and confirmed. ' +
    `Put the old directory back, or replace the member: run "lockstep member replace ${name}" against ` +
    'the others, then start it with an empty data directory and --initial-cluster-state existing'
  );
}

/** What a member says that is none any more. */
export function removedSentence(name: string): string {
  return (
    `member ${name} was removed from the cluster and takes no part in it any more; a removed member ` +
    `never returns. To have this machine back: run "lockstep member add ${name} --peer-address HOST:PORT" ` +
    'against the others, then start it with an empty data directory and --initial-cluster-state existing'
  );
}
