import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecodeError } from '../core/base/codec.ts';
import { encodeCommand } from '../core/command-codec.ts';
import { membershipOf } from '../core/raft/membership.ts';
import type { Message } from '../core/raft/message.ts';
import { checkMessage } from './message-check.ts';

const ends = { from: '2', to: '1' };
const link = { ...ends, highestVersion: 1 };
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
  for (const [what, message] of Object.entries(refused)) {
    test(what, () => assert.throws(() => checkMessage(message, link), DecodeError));
  }

  test('and what correct members send passes', () => {
    const command = { type: 'deleteRange', key: 'a', rangeEnd: '', prevKv: false };
    const payload = encodeCommand({ incarnation: 1, sequence: 1 }, command as never);
    checkMessage(append(3, [3, 4, 5]), link);
    checkMessage({ type: 'forwardedProposal', ...envelope, batch: 1, payloads: [payload] }, link);
    checkMessage({ type: 'timeoutNow', ...envelope }, link);
  });
});
