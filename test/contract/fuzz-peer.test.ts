import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { InvariantError } from '../../server/src/core/base/assert.ts';
import { DecodeError } from '../../server/src/core/base/codec.ts';
import { encodeCommand } from '../../server/src/core/command-codec.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import { decodeFrame, encodeFrame, type PeerFrame } from '../../server/src/member/peer-frame.ts';
import { byteMutations, fuzz, fuzzRuns, mutatedBytes } from '../harness/fuzz.ts';
import { AttackedCluster, strangerId } from '../harness/fuzz-cluster.ts';
import { frames as anyFrames, type MessageParts, talkOf } from '../harness/fuzz-values.ts';

/** Terms and indexes as they are when the frame is sent, and far from it. */
const near = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 12 }) },
  fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 48, 2 ** 53 - 2, 2 ** 53 - 1),
);
const put = fc.nat({ max: 9 }).map((at) =>
  encodeCommand(
    { incarnation: 5, sequence: at },
    {
      type: 'put',
      key: `x/${at}` as ByteString,
      value: '' as ByteString,
      lease: '0',
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    },
  ),
);
const junk = fc.uint8Array({ maxLength: 40 });
const payload = fc.oneof(put, junk);

function partsOf(from: fc.Arbitrary<string>): MessageParts {
  return {
    from,
    to: fc.constantFrom('1', '2', '3'),
    members: fc.constantFrom('1', '2', '3', strangerId, ''),
    term: near,
    index: near,
    payload,
    entryPayload: fc.oneof(put, junk, fc.constant(new Uint8Array(0))),
  };
}

/** Who leads is believed, and so is who holds, votes or confirms: no member can tell that from the truth. */
function isBelieved(message: Message, asMember: boolean): boolean {
  switch (message.type) {
    case 'appendRequest':
    case 'heartbeat':
    case 'commitNotice':
    case 'installSnapshot':
    case 'readIndexReply':
      return true;
    case 'voteReply':
      return asMember ? message.granted || (message.committed?.index ?? 0) > 0 : false;
    case 'appendReply':
      return asMember && message.success;
    case 'heartbeatReply':
      return asMember;
    default:
      return false;
  }
}

function isHarmless(frame: PeerFrame, asMember: boolean): boolean {
  if (frame.type === 'messages') {
    return frame.messages.every((message) => !isBelieved(message, asMember));
  }
  return frame.type !== 'snapshotEnd';
}

function readable(bytes: Uint8Array): PeerFrame | undefined {
  try {
    return decodeFrame(bytes);
  } catch {
    return undefined;
  }
}

const changes = fc.array(byteMutations, { minLength: 1, maxLength: 3 });

/** Frames, whole, changed or of noise, from one who greets as `from`. */
function speech(from: string): fc.Arbitrary<Uint8Array[]> {
  const talk = fc.oneof(
    { weight: 4, arbitrary: talkOf(partsOf(fc.constant(from))) },
    { weight: 1, arbitrary: anyFrames },
  );
  const frame = fc.oneof(
    { weight: 5, arbitrary: talk.map(encodeFrame) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(talk, changes)
        .map(([whole, mutations]) => mutatedBytes(encodeFrame(whole), mutations)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  );
  return fc.array(frame, { minLength: 1, maxLength: 5 });
}

interface Attack {
  readonly to: number;
  readonly from: string | undefined;
  readonly frames: Uint8Array[];
  readonly ms: number;
}

function attacksOf(from: string | undefined): fc.Arbitrary<Attack> {
  return fc
    .tuple(fc.nat(2), speech(from ?? strangerId), fc.nat({ max: 400 }))
    .map(([to, frames, ms]) => ({ to, from, frames, ms }));
}

const attacks = fc.array(
  fc.oneof(
    attacksOf(undefined),
    { weight: 3, arbitrary: attacksOf(strangerId) },
    { weight: 2, arbitrary: fc.constantFrom('1', '2', '3').chain(attacksOf) },
  ),
  { minLength: 3, maxLength: 14, size: 'max' },
);

function attack(cluster: AttackedCluster, list: readonly Attack[], all: boolean): void {
  for (const { to, from, frames, ms } of list) {
    const asMember = from !== strangerId;
    const said = frames.filter((bytes) => {
      const frame = all ? undefined : readable(bytes);
      return frame === undefined || isHarmless(frame, asMember);
    });
    cluster.replies = said.slice(0, 2);
    cluster.say(to, from, said);
    cluster.write();
    cluster.advance(ms);
  }
}

describe('whoever speaks to the members between their own messages', () => {
  test('cannot stop one, nor make it lose or change what it holds, unless it is believed to lead or to vote', async () => {
    let acknowledged = 0;
    await fuzz(60, fc.tuple(fc.nat({ max: 1e6 }), attacks), ([seed, list]) => {
      const cluster = new AttackedCluster(seed);
      try {
        attack(cluster, list, false);
        cluster.checkSound();
        acknowledged += cluster.acknowledged;
      } finally {
        cluster.close();
      }
    });
    assert.ok(acknowledged > fuzzRuns(60) * 3, `${acknowledged} writes`);
  });

  test('and is believed, at most stops members that say why: nothing is thrown at the network', async () => {
    let stopped = 0;
    await fuzz(60, fc.tuple(fc.nat({ max: 1e6 }), attacks), ([seed, list]) => {
      const cluster = new AttackedCluster(seed);
      cluster.checksSafety = false;
      try {
        attack(cluster, list, true);
        cluster.advance(5_000);
      } finally {
        cluster.close();
      }
      for (const { failure } of cluster.hosts) {
        if (failure === undefined) continue;
        stopped++;
        const known = failure instanceof InvariantError || failure instanceof DecodeError;
        assert.ok(known, `${failure.stack}`);
      }
    });
    assert.ok(stopped < fuzzRuns(60) * 3);
  });
});
