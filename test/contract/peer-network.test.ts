import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { crc32c } from '../../server/src/core/base/crc32c.ts';
import {
  TcpPeerNetwork,
  type TcpPeerNetworkOptions,
} from '../../server/src/io/tcp-peer-network.ts';
import type { PeerLink, PeerLinkHandler } from '../../server/src/ports.ts';

/** A handler that notes what happens and lets a test await it. */
class Recorder implements PeerLinkHandler {
  readonly frames: Uint8Array[] = [];
  readonly events: string[] = [];
  #waiting: (() => void)[] = [];

  opened(): void {
    this.#note('opened');
  }

  frame(frame: Uint8Array): void {
    this.frames.push(frame);
    this.#note('frame');
  }

  drained(): void {
    this.#note('drained');
  }

  closed(reason: string): void {
    this.#note(`closed: ${reason}`);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  untilEvent(event: RegExp): Promise<void> {
    return this.until(() => this.events.some((each) => event.test(each)));
  }

  #note(event: string): void {
    this.events.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

interface Pair {
  readonly server: TcpPeerNetwork;
  readonly client: TcpPeerNetwork;
  readonly port: number;
  readonly accepted: { readonly link: PeerLink; readonly handler: Recorder }[];
}

async function withPair(
  run: (pair: Pair) => Promise<void>,
  options: TcpPeerNetworkOptions = {},
): Promise<void> {
  const server = new TcpPeerNetwork(options);
  const client = new TcpPeerNetwork(options);
  const accepted: { link: PeerLink; handler: Recorder }[] = [];
  server.accept((link) => {
    const handler = new Recorder();
    accepted.push({ link, handler });
    return handler;
  });
  const { port } = await server.listen('127.0.0.1', 0);
  try {
    await run({ server, client, port, accepted });
  } finally {
    await client.close();
    await server.close();
  }
}

/** Sends a first frame and gives both ends. */
async function connected(pair: Pair) {
  const handler = new Recorder();
  const link = pair.client.dial(`127.0.0.1:${pair.port}`, handler);
  link.send(Uint8Array.of(1));
  await handler.untilEvent(/drained/);
  const other = pair.accepted.at(-1);
  assert.ok(other);
  await other.handler.until(() => other.handler.frames.length > 0);
  other.handler.frames.length = 0;
  return { link, handler, other };
}

function raw(port: number): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  return socket;
}

function framed(payload: Uint8Array, crc = crc32c(payload)): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(payload.length, 0);
  prefix.writeUInt32LE(crc, 4);
  return Buffer.concat([prefix, payload]);
}

test('frames arrive whole, in order and in both directions', () =>
  withPair(async (pair) => {
    const { link, handler, other } = await connected(pair);
    const sizes = [0, 1, 7, 70_000, 3, 1_000_000, 0, 5];
    const frames = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
    for (const frame of frames) {
      link.send(frame);
      other.link.send(frame);
    }
    await other.handler.until(() => other.handler.frames.length === sizes.length);
    await handler.until(() => handler.frames.length === sizes.length);
    assert.deepEqual(other.handler.frames, frames);
    assert.deepEqual(handler.frames, frames);
    assert.equal(handler.events[0], 'opened');
    assert.ok(!other.handler.events.includes('opened'));
  }));

test('frames of one turn arrive in one piece', () =>
  withPair(async ({ client }) => {
    const sizes: number[] = [];
    const server = net.createServer((socket) => {
      socket.on('data', (chunk) => sizes.push(chunk.length));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    assert.ok(bound !== null && typeof bound === 'object');
    const handler = new Recorder();
    const link = client.dial(`127.0.0.1:${bound.port}`, handler);
    const incoming = once(server, 'connection');
    await handler.untilEvent(/opened/);
    const [socket] = await incoming;
    for (let count = 0; count < 50; count++) link.send(new Uint8Array(10));
    await handler.untilEvent(/drained/);
    link.close();
    await once(socket, 'close');
    server.close();
    assert.deepEqual(sizes, [50 * 18]);
  }));

test('a frame in pieces is put together', () =>
  withPair(async ({ port, accepted }) => {
    const socket = raw(port);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    const bytes = Buffer.concat([framed(Uint8Array.of(1, 2, 3)), framed(Uint8Array.of(4))]);
    for (const byte of bytes) {
      await new Promise<void>((resolve) => {
        socket.write(Uint8Array.of(byte), () => resolve());
      });
    }
    const handler = accepted[0]?.handler;
    assert.ok(handler);
    await handler.until(() => handler.frames.length === 2);
    assert.deepEqual(handler.frames, [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
    socket.destroy();
    await handler.untilEvent(/closed/);
  }));

for (const [what, bytes, reason] of [
  ['a damaged frame', framed(Uint8Array.of(1, 2, 3), 5), /a frame arrived damaged/],
  [
    'an oversize frame',
    framed(new Uint8Array(2000)),
    /a frame of 2000 bytes is over the limit of 1000/,
  ],
  ['plain text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /over the limit/],
] as const) {
  test(`${what} closes the link and says so, and nothing behind it is taken`, () =>
    withPair(
      async ({ port, accepted }) => {
        const socket = raw(port);
        const gone = once(socket, 'close');
        socket.write(Buffer.concat([bytes, framed(Uint8Array.of(1))]));
        await gone;
        const handler = accepted[0]?.handler;
        assert.ok(handler);
        await handler.untilEvent(/closed/);
        assert.match(handler.events.join(), reason);
        assert.deepEqual(handler.frames, []);
      },
      { frameBytesMax: 1000 },
    ));
}

test('sending a frame over the limit is the sender’s mistake', () =>
  withPair(
    async ({ client, port }) => {
      const link = client.dial(`127.0.0.1:${port}`, new Recorder());
      assert.throws(() => link.send(new Uint8Array(1001)), /over the limit of 1000/);
    },
    { frameBytesMax: 1000 },
  ));

test('queued bytes are counted until they left, then drained is called', () =>
  withPair(async (pair) => {
    const { link, handler } = await connected(pair);
    assert.equal(link.queuedBytes(), 0);
    const before = handler.events.filter((event) => event === 'drained').length;
    for (let count = 0; count < 5; count++) link.send(new Uint8Array(2_000_000));
    assert.equal(link.queuedBytes(), 5 * 2_000_008);
    await handler.until(
      () => handler.events.filter((event) => event === 'drained').length > before,
    );
    assert.equal(link.queuedBytes(), 0);
  }));

test('a refused dial is closed once, with the reason', () =>
  withPair(async ({ client, server, port }) => {
    await server.close();
    for (const address of [`127.0.0.1:${port}`, 'no port', '127.0.0.1:99999']) {
      const handler = new Recorder();
      client.dial(address, handler);
      assert.deepEqual(handler.events, [], 'nothing before dial returned');
      await handler.untilEvent(/closed/);
      assert.match(handler.events.join(), /^closed: .*(ECONNREFUSED|host:port)[^,]*$/);
    }
  }));

test('close() tells the other side only', () =>
  withPair(async (pair) => {
    const { link, handler, other } = await connected(pair);
    link.close();
    await other.handler.untilEvent(/closed: closed by the other side|closed/);
    assert.ok(!handler.events.some((event) => event.startsWith('closed')));
    link.send(Uint8Array.of(1));
    assert.equal(link.queuedBytes(), 0);
  }));

test('a caller that says nothing is closed, one that spoke is not', () =>
  withPair(
    async (pair) => {
      const { other } = await connected(pair);
      const socket = raw(pair.port);
      await once(socket, 'close');
      await pair.accepted.at(-1)?.handler.untilEvent(/closed: no frame within 50 ms/);
      assert.ok(!other.handler.events.some((event) => event.startsWith('closed')));
    },
    { silenceMsMax: 50 },
  ));

test('more callers than the limit are turned away, and the place of one that left is free', () =>
  withPair(
    async (pair) => {
      const first = raw(pair.port);
      const second = raw(pair.port);
      await Promise.all([once(first, 'connect'), once(second, 'connect')]);
      await once(raw(pair.port), 'close');
      assert.equal(pair.accepted.length, 2);
      first.destroy();
      await pair.accepted[0]?.handler.untilEvent(/closed/);
      await connected(pair);
      second.destroy();
    },
    { incomingMax: 2 },
  ));

test('closing the network closes every link and frees the port', async () => {
  const server = new TcpPeerNetwork();
  server.accept(() => new Recorder());
  const { port } = await server.listen('127.0.0.1', 0);
  const socket = raw(port);
  await once(socket, 'connect');
  const gone = once(socket, 'close');
  await server.close();
  await gone;
  const again = new TcpPeerNetwork();
  assert.equal((await again.listen('127.0.0.1', port)).port, port);
  await assert.rejects(new TcpPeerNetwork().listen('127.0.0.1', port), { code: 'EADDRINUSE' });
  await again.close();
});
