import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecodeError } from '../core/base/codec.ts';
import { encodeCommand } from '../core/command-codec.ts';
import { membershipOf } from '../core/raft/membership.ts';
import type { Message } from '../core/raft/message.ts';
import { checkMessage, checkPlace } from './message-check.ts';

const ends = { from: '2', to: '1' };
const link = {
  ...ends,
  clusterVersion: 1,
  highestVersion: 1,
  stranger: false,
  term: 5,
  leads: true,
};
const envelope = { ...ends, term: 5 };
const entry = (index: number, term: number) =>
  ({ index, term, kind: 'command', payload: new Uint8Array(0) }) as const;

function append(prevTerm: number, terms: readonly number[]): Message {
  const entries = terms.map((term, at) => entry(8 + at, term));
  return { type: 'appendRequest', ...envelope, prevIndex: 7, prevTerm, commit: 7, entries };
}

describe('what no correct member sends is refused where it arrives', () => {
  const refused: Record<string, Message> = {
    'a message in the name of another': { type: 'timeoutNow', ...envelope, from: '3' },
    'a message for another': { type: 'timeoutNow', ...envelope, to: '3' },
    'a snapshot without its chunks': {
      type: 'installSnapshot',
      ...envelope,
      snapshot: { index: 9, term: 4, membership: membershipOf(['1', '2']) },
    },
    'entries whose terms go down': append(3, [4, 3]),
    'entries older than the one before them': append(4, [3]),
    "entries beyond the sender's own term": append(3, [6]),
    'a proposal that is no command': {
      type: 'forwardedProposal',
      ...envelope,
      batch: 1,
      payloads: [Uint8Array.of(99)],
    },
    'a proposal that this build cannot read': {
      type: 'forwardedProposal',
      ...envelope,
      batch: 1,
      payloads: [
        encodeCommand({ incarnation: 1, sequence: 1 }, { type: 'hashCheck' }, undefined, 2),
      ],
    },
  };
  const bad = new TextEncoder().encode('{"changes":[{"action":"addVoter"}],"context":""}');
  refused['an entry that is no change of membership'] = {
    ...append(3, []),
    entries: [{ index: 8, term: 4, kind: 'membership', payload: bad }],
  } as Message;
  refused['a term that no cluster reaches'] = {
    type: 'timeoutNow',
    ...envelope,
    term: 2 ** 53 - 1,
  };
  test('a raise of the cluster version, or what it has not taken up, from who is no member', () => {
    const origin = { incarnation: 1, sequence: 1 };
    const raise = encodeCommand(origin, { type: 'raiseClusterVersion', version: 200 });
    const newer = encodeCommand(origin, { type: 'hashCheck' }, undefined, 2);
    const able = { ...link, highestVersion: 2 };
    for (const payload of [raise, newer]) {
      const message = {
        type: 'forwardedProposal',
        ...envelope,
        batch: 1,
        payloads: [payload],
      } as const;
      checkMessage(message, able);
      assert.throws(() => checkMessage(message, { ...able, stranger: true }), DecodeError);
    }
  });
  for (const [what, message] of Object.entries(refused)) {
    test(what, () => assert.throws(() => checkMessage(message, link), DecodeError));
  }

  test('a stranger that leads the term which this member leads, and one whose entries are no commands', () => {
    const stranger = { ...link, stranger: true };
    assert.throws(() => checkMessage(append(3, [3]), stranger), /another leader in term 5/);
    checkMessage(append(3, [3]), { ...stranger, leads: false });
    const junk = { ...entry(8, 4), payload: Uint8Array.of(99) };
    const message = { ...append(3, []), entries: [junk] } as Message;
    assert.throws(() => checkMessage(message, { ...stranger, leads: false }), DecodeError);
  });

  test('members go on from a term to which a stranger raised theirs, and are followed there', () => {
    const far: Message = { type: 'timeoutNow', ...envelope, term: 2 ** 48 + 1 };
    checkMessage(far, link);
    assert.throws(
      () => checkMessage(far, { ...link, stranger: true }),
      /beyond any that is reached/,
    );
  });

  test('a snapshot that stands nowhere', () => {
    const meta = { index: 9, term: 4, membership: membershipOf(['1', '2']) };
    checkPlace({ term: 5, meta }, true);
    for (const wrong of [
      { term: 3, meta },
      { term: 5, meta: { ...meta, index: 2 ** 52 } },
      { term: 5, meta: { ...meta, membership: membershipOf([]) } },
      { term: 2 ** 50, meta },
    ]) {
      assert.throws(() => checkPlace(wrong, true), DecodeError);
    }
  });

  test('and what correct members send passes', () => {
    const command = { type: 'deleteRange', key: 'a', rangeEnd: '', prevKv: false };
    const payload = encodeCommand({ incarnation: 1, sequence: 1 }, command as never);
    checkMessage(append(3, [3, 4, 5]), link);
    checkMessage({ type: 'forwardedProposal', ...envelope, batch: 1, payloads: [payload] }, link);
    checkMessage({ type: 'timeoutNow', ...envelope }, link);
  });
});
