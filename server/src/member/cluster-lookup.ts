import { DecodeError } from '../core/base/codec.ts';
import type { MemberRecord } from '../core/member-table.ts';
import type { Cancel, Clock, PeerLink, PeerNetwork } from '../ports.ts';
import { wipedSentence } from './links.ts';
import { decodeFrame, encodeFrame, type LookedUpMember } from './peer-frame.ts';

const retryMs = 1_000;

/** The place of a member in a cluster that runs. */
export interface ClusterPlace {
  readonly clusterId: string;
  readonly memberId: string;
  readonly members: readonly MemberRecord[];
}

export interface Lookup {
  /** host:port of members that may know. */
  readonly addresses: readonly string[];
  /** Where this one will be reached: it is known by that until it has an id. */
  readonly peerAddress: string;
  readonly name: string;
  /** How long it asks while nobody answers, in milliseconds. */
  readonly patienceMs: number;
}

type Done = (error: Error | undefined, place?: ClusterPlace) => void;

/**
 * Asks the members of a running cluster which of them this process is to be. The first answer
 * counts; errors are sentences for the operator.
 */
export function lookUpCluster(
  { network, clock }: { readonly network: PeerNetwork; readonly clock: Clock },
  lookup: Lookup,
  done: Done,
): void {
  const links = new Set<PeerLink>();
  const reasons = new Map<string, string>();
  const untilMs = clock.monotonicMs() + lookup.patienceMs;
  let stop: Cancel = () => {};
  let isOver = false;
  const finish: Done = (error, place) => {
    if (isOver) return;
    isOver = true;
    stop();
    for (const link of links) link.close();
    done(error, place);
  };
  const ask = (): void => {
    for (const link of links) link.close();
    links.clear();
    for (const address of lookup.addresses) {
      const link = network.dial(address, {
        opened: () => link.send(encodeFrame({ type: 'lookup' })),
        frame: (bytes) => answered(address, bytes),
        drained: () => {},
        closed: (reason) => {
          links.delete(link);
          reasons.set(address, reason);
        },
      });
      links.add(link);
    }
  };
  const answered = (address: string, bytes: Uint8Array): void => {
    try {
      const frame = decodeFrame(bytes);
      if (frame.type !== 'lookupReply') return;
      const found = placeIn(frame.members, lookup);
      if (typeof found === 'string') return finish(new Error(found));
      const { clusterId } = frame;
      finish(undefined, { clusterId, memberId: found.memberId, members: recordsOf(frame.members) });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      reasons.set(address, `an unreadable answer: ${error.message}`);
    }
  };
  ask();
  stop = clock.every(retryMs, () => {
    if (clock.monotonicMs() < untilMs) return ask();
    const each = lookup.addresses
      .map((at) => `${at}: ${reasons.get(at) ?? 'no answer'}`)
      .join('; ');
    finish(
      new Error(
        `no member of the cluster that ${lookup.name} is to join answers (${each}): name members that ` +
          'run and have a quorum, by the addresses of their doors for members',
      ),
    );
  });
}

/** Which of the members it is; or why it is none, in a sentence. */
function placeIn(members: readonly LookedUpMember[], lookup: Lookup): LookedUpMember | string {
  const { peerAddress, name } = lookup;
  const here = members.filter((member) => member.peerAddress === peerAddress);
  const own = here.find(({ isBound }) => !isBound);
  if (own === undefined) {
    const [bound] = here;
    if (bound !== undefined) return wipedSentence(bound.name);
    const known = members
      .map((one) => `${one.name || one.memberId} at ${one.peerAddress}`)
      .join(', ');
    return (
      `the cluster expects no member at ${peerAddress}; its members are ${known}. Run ` +
      `"lockstep member add ${name} --peer-address ${peerAddress}" against it first, or start with the ` +
      'address that was added as --peer-advertise'
    );
  }
  const rival = members.find((one) => one.name === name && one.memberId !== own.memberId);
  if (rival !== undefined && rival.memberId !== own.replaces) {
    return `the cluster has a member ${name} already, at ${rival.peerAddress}: choose another --name`;
  }
  return own;
}

function recordsOf(members: readonly LookedUpMember[]): MemberRecord[] {
  return members.map(({ replaces: _, isBound: __, ...record }) => ({ ...record, directoryId: '' }));
}
