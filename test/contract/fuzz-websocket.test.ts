import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, test } from 'node:test';
import { limits } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { createTestCluster, type TestCluster } from '../../server/testing/index.ts';
import { connect, type OpenDoors, openDoors } from '../harness/doors.ts';
import { byteMutations, fuzz, fuzzRuns, joined, mutatedBytes } from '../harness/fuzz.ts';
import { sampleCalls } from '../harness/fuzz-calls.ts';
import { jsonMutations, mutatedJson } from '../harness/fuzz-json.ts';
import { closeOf } from '../harness/socket-close.ts';
import { assertTableError } from '../harness/wire-error-check.ts';

interface Received {
  readonly jsonrpc: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly error?: unknown;
}

/** One connection to the production session of a production member. */
class Connection {
  readonly #cluster: TestCluster;
  readonly #texts: string[] = [];
  readonly #transport: { send(frames: readonly string[]): void; close(): void };
  end: string | undefined;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    const { dial } = cluster.clientOptions();
    this.#transport = dial(`ws://${cluster.endpoints[0]}/v1/ws`, {
      opened: () => {},
      frame: (text) => this.#texts.push(text),
      alive: () => {},
      closed: ({ reason }) => {
        this.end = reason;
      },
    });
  }

  /** Sends frames and gives what was answered, when everything was. */
  async answers(frames: readonly string[]): Promise<Received[]> {
    this.#transport.send(frames);
    const wanted = frames.reduce((sum, frame) => sum + answersDue(frame), 0);
    const given = () => this.#texts.filter((text) => !text.includes('"method":')).length;
    // The longest that a call may take, on a clock that moves only here.
    await this.#cluster.advanceUntil(() => given() >= wanted || this.end !== undefined, 30_000);
    assert.equal(this.end, undefined, 'no JSON text ends a connection');
    const all = this.#texts.splice(0).map((text): Received => {
      try {
        return JSON.parse(text);
      } catch {
        return assert.fail(`not JSON: ${text.slice(0, 300)}`);
      }
    });
    return all.filter(({ method }) => method === undefined);
  }

  close(): void {
    this.#transport.close();
  }
}

const requestNames = ['jsonrpc', 'id', 'method', 'params'];

/** How many answers a frame is due: none for what was understood as a notification. */
function answersDue(frame: string): number {
  let raw: unknown;
  try {
    raw = JSON.parse(frame);
  } catch {
    return 1;
  }
  if (!Array.isArray(raw)) return isNotification(raw) ? 0 : 1;
  if (raw.length === 0 || raw.length > limits.batchRequestsMax) return 1;
  return raw.filter((each) => !isNotification(each)).length;
}

function isNotification(raw: unknown): boolean {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return false;
  const request: { jsonrpc?: unknown; id?: unknown; method?: unknown } = raw;
  return (
    request.id === undefined &&
    request.jsonrpc === '2.0' &&
    typeof request.method === 'string' &&
    Object.keys(raw).every((name) => requestNames.includes(name))
  );
}

const calls = fc
  .tuple(fc.constantFrom(...sampleCalls), fc.oneof(fc.nat(), fc.string({ maxLength: 5 })))
  .map(([{ method, params }, id]) => ({ jsonrpc: '2.0', id, method, params }));
const changes = fc.array(jsonMutations, { minLength: 1, maxLength: 3 });
const changed = fc
  .tuple(fc.oneof(calls, fc.array(calls, { maxLength: 4 })), changes)
  .map(([value, mutations]) => mutatedJson(value, mutations));
const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.json({ maxDepth: 4 }),
  fc.constantFrom('', ' ', '[', '"', '{"jsonrpc":', 'nul', '[,]', '\u0000', '[1e999]', '\ud800'),
);
/** Changed as text, so that it is hardly ever JSON. */
const torn = fc
  .tuple(calls, fc.array(byteMutations, { minLength: 1, maxLength: 2 }))
  .map(([call, mutations]) =>
    new TextDecoder().decode(mutatedBytes(Buffer.from(JSON.stringify(call)), mutations)),
  );

async function withMember(run: (cluster: TestCluster) => Promise<void>): Promise<void> {
  // Closing it fails when the member met an error that it had no row for.
  await using cluster = await createTestCluster({ members: 1 });
  await run(cluster);
}

test('[W-40] whatever JSON a frame holds, every call of it is answered, and by a row of the table', () =>
  withMember(async (cluster) => {
    const seen = { answers: 0, refusals: 0 };
    const frames = fc.array(fc.oneof({ weight: 6, arbitrary: changed }, noise, torn), {
      minLength: 1,
      maxLength: 6,
    });
    await fuzz(300, frames, async (texts) => {
      const connection = new Connection(cluster);
      const answers = await connection.answers(texts);
      assert.equal(
        answers.length,
        texts.reduce((sum, text) => sum + answersDue(text), 0),
      );
      for (const { jsonrpc, error } of answers) {
        assert.equal(jsonrpc, '2.0');
        seen.answers++;
        if (error === undefined) continue;
        seen.refusals++;
        assertTableError(error, JSON.stringify(error));
      }
      connection.close();
      const fresh = new Connection(cluster);
      const status = '{"jsonrpc":"2.0","id":1,"method":"maintenance.status","params":{}}';
      assert.ok((await fresh.answers([status])).every(({ error }) => error === undefined));
      fresh.close();
    });
    const runs = fuzzRuns(300);
    assert.ok(seen.answers > runs && seen.refusals > runs / 2, JSON.stringify(seen));
    assert.ok(seen.answers - seen.refusals > runs / 10, JSON.stringify(seen));
  }));

/** The upgrade, and after it whatever bytes. */
async function exchange(open: OpenDoors, bytes: Uint8Array): Promise<Buffer> {
  const socket = connectTcp(open.doors.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = closeOf(socket);
  await once(socket, 'connect');
  const head = [
    'GET /v1/ws HTTP/1.1',
    'host: localhost',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    '\r\n',
  ].join('\r\n');
  // Nothing more will come, so that the member answers what it has and closes.
  socket.end(joined(Buffer.from(head), bytes));
  await closed;
  return Buffer.concat(chunks);
}

interface WsFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** What the member sent after its 101: unmasked, unfragmented frames. */
function framesOf(bytes: Buffer): WsFrame[] {
  const frames: WsFrame[] = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 127;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    frames.push({
      opcode: (bytes[at] ?? 0) & 15,
      payload: bytes.subarray(at + head, at + head + length),
    });
    at += head + length;
  }
  return frames;
}

/** One frame of a client, masked with zeros so that what is inside can be read. */
function clientFrame(opcode: number, payload: Uint8Array, fin = true): Uint8Array {
  const head = [(fin ? 0x80 : 0) | opcode];
  if (payload.length < 126) head.push(0x80 | payload.length);
  else if (payload.length < 65_536)
    head.push(0x80 | 126, payload.length >> 8, payload.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(payload.length));
    head.push(0x80 | 127, ...length);
  }
  return joined(Uint8Array.from([...head, 0, 0, 0, 0]), payload);
}

/** 1000 and 1005 answer a close; the others say what was wrong. */
const closeCodes = [1000, 1001, 1002, 1003, 1005, 1007, 1009];

function assertDocumented(answer: Buffer): void {
  assert.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /);
  for (const { opcode, payload } of framesOf(answer)) {
    if (opcode === 1) {
      const frame: Received = JSON.parse(payload.toString());
      if (frame.error !== undefined) assertTableError(frame.error, payload.toString());
    } else if (opcode === 8 && payload.length >= 2) {
      const code = payload.readUInt16BE(0);
      // A client that closes with a code of its own gets it back.
      assert.ok(closeCodes.includes(code) || (code >= 1000 && code < 5000), `closed with ${code}`);
    }
  }
}

describe('bytes that are not the WebSocket protocol', () => {
  const payload = fc.oneof(
    calls.map((call) => Buffer.from(JSON.stringify(call))),
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(Buffer.from([0xc3, 0x28]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.alloc(126)),
  );
  const opcode = fc.oneof(fc.constantFrom(1, 1, 1, 0, 2, 8, 9, 10), fc.nat(15));
  const frame = fc
    .tuple(opcode, payload, fc.boolean())
    .map(([code, bytes, fin]) => clientFrame(code, bytes, fin));
  const streams = fc
    .tuple(
      fc.array(frame, { minLength: 1, maxLength: 4 }),
      fc.oneof(fc.constant([]), fc.array(byteMutations, { minLength: 1, maxLength: 3 })),
    )
    .map(([list, mutations]) => mutatedBytes(joined(...list), mutations));

  test('[W-1] end the connection with a documented code, or are answered from the table', async (t) => {
    const open = await openDoors(t);
    const inputs = fc.oneof({ weight: 4, arbitrary: streams }, fc.uint8Array({ maxLength: 300 }));
    await fuzz(200, inputs, async (bytes) => {
      assertDocumented(await exchange(open, bytes));
      assert.deepEqual(open.internalErrors, []);
    });
    const client = await connect(t, open);
    await client.roundTrip();
    assert.equal(open.doors.counts().webSockets, 1);
    assert.equal(open.doors.counts().unsentBytes, 0);
  });

  test('[W-9] a length of gigabytes is refused when it is read, and nothing is set aside for it', async (t) => {
    const open = await openDoors(t);
    const lengths = [2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
    const before = process.memoryUsage().arrayBuffers;
    for (const length of lengths) {
      for (const opcode of [1, 2]) {
        const head = Buffer.alloc(14);
        head[0] = 0x80 | opcode;
        head[1] = 0xff;
        head.writeBigUInt64BE(length, 2);
        const frames = framesOf(await exchange(open, head));
        assert.equal(frames.at(-1)?.opcode, 8);
        assert.equal(frames.at(-1)?.payload.readUInt16BE(0), 1009);
      }
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
  });
});
