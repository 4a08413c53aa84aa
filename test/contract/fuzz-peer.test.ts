import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { InvariantError } from '../../server/src/core/base/assert.ts';
import { DecodeError } from '../../server/src/core/base/codec.ts';
import { crc32c } from '../../server/src/core/base/crc32c.ts';
import { encodeCommand } from '../../server/src/core/command-codec.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import { TcpPeerNetwork } from '../../server/src/io/tcp-peer-network.ts';
import { decodeFrame, encodeFrame, type PeerFrame } from '../../server/src/member/peer-frame.ts';
import { byteMutations, fuzz, fuzzRuns, joined, mutatedBytes } from '../harness/fuzz.ts';
import { AttackedCluster, strangerId } from '../harness/fuzz-cluster.ts';
import { frames as anyFrames, type MessageParts, talkOf } from '../harness/fuzz-values.ts';
import { closeOf } from '../harness/socket-close.ts';

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

/** As they go over TCP: length and checksum before each. */
function framed(frame: Uint8Array): Uint8Array {
  const prefix = new DataView(new ArrayBuffer(8));
  prefix.setUint32(0, frame.length, true);
  prefix.setUint32(4, crc32c(frame), true);
  return joined(new Uint8Array(prefix.buffer), frame);
}

describe('bytes that come to the port for members', () => {
  /** Frames that were taken of what somebody sent, who then hung up. */
  async function taken(
    port: number,
    sent: Uint8Array,
    links: Uint8Array[][],
  ): Promise<Uint8Array[]> {
    const before = links.length;
    const socket = connect(port, '127.0.0.1');
    const closed = closeOf(socket);
    await once(socket, 'connect');
    socket.end(sent);
    socket.resume();
    await closed;
    return links[before] ?? [];
  }

  async function withPort(run: (port: number, links: Uint8Array[][]) => Promise<void>) {
    const network = new TcpPeerNetwork();
    const links: Uint8Array[][] = [];
    network.accept(() => {
      const frames: Uint8Array[] = [];
      links.push(frames);
      return {
        opened: () => {},
        frame: (frame) => frames.push(frame),
        drained: () => {},
        closed: () => {},
      };
    });
    const { port } = await network.listen('127.0.0.1', 0);
    try {
      await run(port, links);
    } finally {
      await network.close();
    }
  }

  test('give the frames that were sent, up to the first that was changed, and nothing else', () =>
    withPort(async (port, links) => {
      let changed = 0;
      const list = fc.array(anyFrames.map(encodeFrame), { minLength: 1, maxLength: 5 });
      await fuzz(120, fc.tuple(list, changes), async ([sent, mutations]) => {
        const bytes = mutatedBytes(joined(...sent.map(framed)), mutations);
        const got = await taken(port, bytes, links);
        // A frame that was repeated or moved as a whole is as it was.
        const known = new Set(sent.map((frame) => Buffer.from(frame).toString('hex')));
        for (const frame of got) assert.ok(known.has(Buffer.from(frame).toString('hex')));
        if (got.length < sent.length) changed++;
      });
      assert.ok(changed > fuzzRuns(120) / 4);
    }));

  test('are not kept beyond what a greeting takes before there was one, whatever length they announce', () =>
    withPort(async (port, links) => {
      for (const length of [64 * 1024 + 1, 64 * 1024 * 1024, 2 ** 31, 2 ** 32 - 1]) {
        const prefix = new DataView(new ArrayBuffer(8));
        prefix.setUint32(0, length, true);
        const socket = connect(port, '127.0.0.1');
        const closed = closeOf(socket);
        // It does not end, and yet it is closed: not because of silence, which takes seconds.
        socket.write(new Uint8Array(prefix.buffer));
        await closed;
      }
      const large = framed(new Uint8Array(200_000));
      assert.deepEqual(await taken(port, large, links), []);
      const greeted = joined(framed(Uint8Array.of(1)), large);
      assert.equal((await taken(port, greeted, links)).length, 2);
    }));
});

describe('whoever speaks to the members between their own messages', () => {
  test('cannot stop one, nor make it lose or change what it holds, unless it is believed to lead or to vote', async () => {
    let acknowledged = 0;
    await fuzz(40, fc.tuple(fc.nat({ max: 1e6 }), attacks), ([seed, list]) => {
      const cluster = new AttackedCluster(seed);
      try {
        attack(cluster, list, false);
        cluster.checkSound();
        acknowledged += cluster.acknowledged;
      } finally {
        cluster.close();
      }
    });
    assert.ok(acknowledged > fuzzRuns(40) * 3, `${acknowledged} writes`);
  });

  test('and is believed, at most stops members that say why: nothing is thrown at the network', async () => {
    let stopped = 0;
    await fuzz(40, fc.tuple(fc.nat({ max: 1e6 }), attacks), ([seed, list]) => {
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
    assert.ok(stopped < fuzzRuns(40) * 3);
  });
});
