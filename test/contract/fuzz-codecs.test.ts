import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DecodeError, Reader, Writer } from '../../server/src/core/base/codec.ts';
import { ClusterVersionError } from '../../server/src/core/cluster-version.ts';
import type { Command } from '../../server/src/core/command.ts';
import { decodeCommand, encodeCommand } from '../../server/src/core/command-codec.ts';
import { Machine } from '../../server/src/core/machine.ts';
import { readReply, writeReply } from '../../server/src/core/reply-codec.ts';
import { decodeFrame, encodeFrame } from '../../server/src/member/peer-frame.ts';
import { byteMutations, fuzz, fuzzRuns, largestArrayAsked, mutatedBytes } from '../harness/fuzz.ts';
import { envelopes, frames, replies } from '../harness/fuzz-values.ts';

/** One binary form: what it is made from, there and back. */
interface Codec<Value> {
  readonly name: string;
  readonly values: fc.Arbitrary<Value>;
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
}

function codec<Value>(made: Codec<Value>): Codec<unknown> {
  // Each codec takes back only what its own decoder gave.
  return made as Codec<unknown>;
}

const codecs = [
  codec({
    name: 'a command',
    values: envelopes,
    encode: ({ origin, command, once, asker }) => encodeCommand(origin, command, once, 2, asker),
    decode: decodeCommand,
  }),
  codec({
    name: 'a remembered reply',
    values: replies,
    encode: (reply) => {
      const writer = new Writer();
      writeReply(writer, reply);
      return writer.finish();
    },
    decode: (bytes) => readReply(new Reader(bytes)),
  }),
  codec({
    name: 'a frame between members',
    values: frames,
    encode: encodeFrame,
    decode: decodeFrame,
  }),
];

const noise = fc.uint8Array({ maxLength: 200 });
const changes = fc.array(byteMutations, { minLength: 1, maxLength: 4 });

for (const { name, values, encode, decode } of codecs) {
  describe(`${name} as bytes`, () => {
    test('comes back as it was', () =>
      fuzz(600, values, (value) => assert.deepEqual(decode(encode(value)), value)));

    /** Refused, or something that can be written again and is the same then. */
    const holds = (bytes: Uint8Array): boolean => {
      let value: unknown;
      const asked = largestArrayAsked(() => {
        try {
          value = decode(bytes);
        } catch (error) {
          assert.ok(error instanceof DecodeError, `${error}`);
        }
      });
      assert.ok(asked <= bytes.length, `${asked} bytes were asked for, of ${bytes.length}`);
      if (value === undefined) return false;
      assert.deepEqual(decode(encode(value)), value);
      return true;
    };

    test('that were changed is refused with a DecodeError, or is another whole one', async () => {
      const seen = { refused: 0, taken: 0 };
      await fuzz(1500, fc.tuple(values, changes), ([value, mutations]) => {
        if (holds(mutatedBytes(encode(value), mutations))) seen.taken++;
        else seen.refused++;
      });
      const runs = fuzzRuns(1500);
      assert.ok(seen.refused > runs / 10 && seen.taken > runs / 20, JSON.stringify(seen));
    });

    test('that is noise is refused with a DecodeError, or is a whole one', () =>
      fuzz(1500, noise, (bytes) => void holds(bytes)));

    test('that begins like one and goes on as noise, likewise', () =>
      fuzz(1000, fc.tuple(values, fc.nat(), noise), ([value, at, rest]) => {
        const whole = encode(value);
        holds(Uint8Array.from([...whole.subarray(0, at % (whole.length + 1)), ...rest]));
      }));
  });
}

test('what is nested as deep as a frame is long is refused with a DecodeError', () => {
  const deep = 1_000_000;
  // A command: version, tag and origin of a transaction, then in each its own first operation.
  const transactions = new Uint8Array(4 + 3 * deep).map((_, at) =>
    at < 4 ? ([1, 4, 0, 0][at] ?? 0) : ([0, 1, 3][(at - 4) % 3] ?? 0),
  );
  assert.throws(() => decodeCommand(transactions), DecodeError);
  // A reply: its tag, then in each whether it held, its one result, of a transaction, at a revision.
  const answers = new Uint8Array(1 + 4 * deep).map((_, at) =>
    at < 1 ? 3 : ([1, 1, 3, 9][(at - 1) % 4] ?? 0),
  );
  assert.throws(() => readReply(new Reader(answers)), DecodeError);
});

test('a list or a text that says it is longer than what is there is refused before it is read', () => {
  const huge = Number.MAX_SAFE_INTEGER;
  const count = (tag: readonly number[]) =>
    new Writer()
      .u8(tag[0] ?? 0)
      .u8(tag[1] ?? 0)
      .number(0)
      .number(0)
      .number(huge)
      .finish();
  const renewals = count([1, 8]);
  assert.throws(() => decodeCommand(renewals), /a list is longer than what is there/);
  const revoked = count([1, 7]);
  assert.throws(() => decodeCommand(revoked), /a list is longer than what is there/);
  const long = new Writer(200_000).text('x'.repeat(100_000)).finish();
  assert.throws(() => new Reader(long).text(), /a text of 100000 characters; none may have over/);
  const wide = new Writer().number(1).number(0x1_0000).finish();
  assert.throws(() => new Reader(wide).text(), /what is no character/);
});

describe('a machine', () => {
  /** A writer that is wrong about ids: 77 is one of those that commands name. */
  const wrongIds = (command: Command): Command =>
    JSON.parse(JSON.stringify(command).replaceAll('"77"', '"none"'));
  const payload = fc
    .tuple(envelopes, fc.boolean(), fc.oneof(fc.constant([]), changes))
    .map(([{ origin, command, once, asker }, wrong, mutations]) =>
      mutatedBytes(
        encodeCommand(origin, wrong ? wrongIds(command) : command, once, 2, asker),
        mutations,
      ),
    );

  /** Applies what can be read, as the log does: the rest is refused where it arrives. */
  function machineAfter(payloads: readonly Uint8Array[]): { machine: Machine; applied: number } {
    const machine = new Machine();
    machine.raiseClusterVersion(2);
    machine.apply(encodeCommand({ incarnation: 1, sequence: 1 }, { type: 'registerClient' }), 1);
    let applied = 0;
    for (const [at, bytes] of payloads.entries()) {
      try {
        const { command } = decodeCommand(bytes, machine.clusterVersion);
        // A member that cannot follow stops, as it should.
        if (command.type === 'raiseClusterVersion' && command.version > 2) continue;
      } catch {
        continue;
      }
      machine.apply(bytes, at + 2);
      applied++;
    }
    return { machine, applied };
  }

  const histories = fc.array(payload, { minLength: 5, maxLength: 60, size: 'max' });

  test('applies whatever a command says without throwing, and its image gives the same state', async () => {
    let applied = 0;
    await fuzz(300, histories, (payloads) => {
      const { machine, applied: count } = machineAfter(payloads);
      applied += count;
      const restorer = Machine.restorer();
      for (const chunk of machine.image().chunks()) restorer.push(chunk);
      assert.equal(restorer.finish().hash(), machine.hash());
    });
    assert.ok(applied > fuzzRuns(300) * 5, `${applied} commands could be read`);
  });

  test('an image that was changed is refused, or gives a machine that has an image', () =>
    fuzz(
      400,
      fc.tuple(histories, fc.nat(), changes, fc.boolean()),
      ([payloads, which, mutations, twice]) => {
        const chunks = [...machineAfter(payloads).machine.image().chunks()];
        const at = which % chunks.length;
        const changed = mutatedBytes(chunks[at] ?? new Uint8Array(0), mutations);
        chunks.splice(at, twice ? 0 : 1, changed);
        const asked = largestArrayAsked(() => {
          let machine: Machine;
          try {
            const restorer = Machine.restorer();
            for (const chunk of chunks) restorer.push(chunk);
            machine = restorer.finish();
          } catch (error) {
            const refused = error instanceof DecodeError || error instanceof ClusterVersionError;
            assert.ok(refused, `${error instanceof Error && error.stack}`);
            return;
          }
          machine.hash();
        });
        assert.ok(asked < 1024 * 1024, `${asked} bytes were asked for`);
      },
    ));
});
