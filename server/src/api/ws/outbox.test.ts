import assert from 'node:assert/strict';
import test from 'node:test';
import { type ByteSink, FlushTurn, Outbox } from './outbox.ts';

/** What a WebSocket receiver makes of the frames: whole messages, and how many frames each took. */
function decode(bytes: Buffer): { text: string; frames: number }[] {
  const messages: { text: string; frames: number }[] = [];
  let parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const short = bytes[at + 1] ?? 0;
    at += 2;
    let length = short;
    if (short === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (short === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    assert.equal(first & 0x0f, parts.length === 0 ? 1 : 0);
    parts.push(bytes.subarray(at, at + length));
    at += length;
    if ((first & 0x80) === 0) continue;
    messages.push({ text: Buffer.concat(parts).toString(), frames: parts.length });
    parts = [];
  }
  assert.equal(parts.length, 0);
  return messages;
}

class Recorder implements ByteSink {
  readonly writes: Buffer[] = [];
  open = true;
  #done: (() => void) | undefined;

  isOpen(): boolean {
    return this.open;
  }

  write(bytes: Uint8Array, done: () => void): void {
    assert.equal(this.#done, undefined, 'one write at a time');
    this.writes.push(Buffer.from(bytes));
    this.#done = done;
  }

  /** The operating system has taken the write; false when there was none. */
  take(): boolean {
    const done = this.#done;
    this.#done = undefined;
    done?.();
    return done !== undefined;
  }
}

function bench(unsentBytesMax = 1000, bytesMax = 1_000_000) {
  const sink = new Recorder();
  const budget = { bytes: 0, bytesMax };
  const rooms: number[] = [];
  const outbox = new Outbox({
    sink,
    turn: new FlushTurn(),
    budget,
    unsentBytesMax,
    onRoom: () => rooms.push(outbox.unsentBytes),
  });
  return { sink, budget, rooms, outbox };
}

const turnEnd = () => new Promise<void>((resolve) => setImmediate(resolve));

test('the messages of one turn leave in one write', async () => {
  const { sink, outbox } = bench();
  for (const text of ['one', 'zwei ü', '三']) outbox.send(text);
  assert.equal(sink.writes.length, 0);
  await turnEnd();
  assert.equal(sink.writes.length, 1);
  const messages = decode(sink.writes[0] ?? Buffer.alloc(0));
  assert.deepEqual(
    messages.map(({ text }) => text),
    ['one', 'zwei ü', '三'],
  );
});

test('[W-9] every length comes out as it went in, long ones in fragments of 256 KiB', async () => {
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 262_134, 262_135, 262_144, 1_000_000];
  const texts = lengths.map((length) => `${'ü'.repeat(length >> 1)}${'x'.repeat(length & 1)}`);
  const { sink, outbox, budget } = bench(1e9, 1e9);
  for (const text of texts) outbox.send(text);
  await turnEnd();
  while (sink.take()) await turnEnd();
  const messages = decode(Buffer.concat(sink.writes));
  assert.ok(texts.every((text, index) => messages[index]?.text === text));
  assert.deepEqual(
    messages.map(({ text }) => Buffer.byteLength(text)),
    lengths,
  );
  assert.equal(messages.at(-1)?.frames, 4);
  assert.ok(sink.writes.every((write) => write.length <= 256 * 1024 + 10));
  assert.deepEqual([outbox.unsentBytes, budget.bytes], [0, 0]);
});

test('[W-8] the outbox is full at its bound and has room again at half of it', async () => {
  const { sink, rooms, outbox } = bench(1000);
  outbox.send('x'.repeat(400));
  await turnEnd();
  outbox.send('x'.repeat(599));
  assert.equal(outbox.isFull, false);
  outbox.send('y');
  assert.equal(outbox.isFull, true);
  sink.take();
  assert.deepEqual([outbox.isFull, outbox.unsentBytes], [true, 600]);
  sink.take();
  assert.deepEqual([outbox.isFull, rooms, outbox.writesDone], [false, [0], 2]);
});

test('[W-8] when all connections together hold too much, each may hold one answer', async () => {
  const { sink, budget, outbox } = bench(1000, 5000);
  budget.bytes = 6000;
  outbox.send('x');
  assert.equal(outbox.isFull, true);
  await turnEnd();
  sink.take();
  assert.equal(outbox.isFull, false);
});

test('what waits for a connection that is gone is dropped and no longer counted', async () => {
  const { sink, budget, outbox } = bench();
  outbox.send('one');
  await turnEnd();
  outbox.send('two');
  outbox.close();
  sink.take();
  outbox.send('three');
  await turnEnd();
  assert.deepEqual([sink.writes.length, budget.bytes], [1, 0]);
});

test('nothing is written after the close frame', async () => {
  const { sink, budget, outbox } = bench();
  outbox.send('late');
  sink.open = false;
  await turnEnd();
  assert.deepEqual([sink.writes.length, budget.bytes], [0, 0]);
});

test('end() waits for what was sent, and only for that', async () => {
  const { sink, outbox } = bench();
  let ended = 0;
  outbox.send('one');
  outbox.end(() => ended++);
  await turnEnd();
  assert.equal(ended, 0);
  sink.take();
  assert.equal(ended, 1);
  outbox.end(() => ended++);
  assert.equal(ended, 2);
});

test('a backlog that never empties does not keep what has left', async () => {
  const { sink, outbox } = bench(1e9, 1e9);
  const text = 'x'.repeat(100_000);
  for (let n = 0; n < 3000; n++) outbox.send(text);
  await turnEnd();
  let taken = 0;
  while (sink.take()) taken++;
  assert.equal(taken, 1500);
  assert.equal(decode(Buffer.concat(sink.writes)).length, 3000);
});
