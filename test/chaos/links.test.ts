import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { encodeFrame, type Introduction } from '../../server/src/member/peer-frame.ts';
import { TcpProxy } from '../harness/tcp-proxy.ts';
import { joinClients, joinMembers } from './fault-proxy.ts';
import { clients, Links } from './links.ts';

test('troubles add up, each in its direction, and end with what undoes them', () => {
  const links = new Links();
  const undoHold = links.trouble({ from: 'a', to: 'b', isHeld: true });
  const undoDelay = links.trouble({ to: 'b', delayMs: 5 }, { from: 'a', delayMs: 7 });
  assert.deepEqual(links.passage('a', 'b'), { isHeld: true, delayMs: 12 });
  assert.deepEqual(links.passage('b', 'a'), { isHeld: false, delayMs: 0 });
  assert.deepEqual(links.passage('c', 'b'), { isHeld: false, delayMs: 5 });
  undoHold();
  assert.deepEqual(links.passage('a', 'b'), { isHeld: false, delayMs: 12 });
  undoDelay();
  assert.deepEqual(links.passage('a', 'b'), { isHeld: false, delayMs: 0 });
});

test('a one-way partition holds one direction, and what it held arrives when it ends', async (t) => {
  const links = new Links();
  const { near, far } = await connected(t, (target) =>
    TcpProxy.start(target, joinClients(links, 'a')),
  );
  const undo = links.trouble({ from: clients, to: 'a', isHeld: true });
  near.write('asked');
  await hears(near, far);
  assert.equal(far.bytesRead, 0, 'nothing passes the other way');
  undo();
  assert.equal(await textOf(far), 'asked');
});

test('a proxy before the door for members knows the caller by its first frame, in whatever pieces that comes', async (t) => {
  const links = new Links();
  const { near, far } = await connected(t, (target) =>
    TcpProxy.start(target, joinMembers(links, 'b')),
  );
  const undo = links.trouble({ from: 'a', to: 'b', isHeld: true });
  const frame = framed(encodeFrame({ type: 'hello', to: 'b', self: introduction('a') }));
  near.write(frame.subarray(0, 5));
  near.write(frame.subarray(5));
  await hears(near, far);
  assert.equal(far.bytesRead, 0, 'what a says is held');
  undo();
  const [first] = await once(far, 'data');
  assert.deepEqual(Buffer.from(first), frame);
});

/** Both ends of a connection through a proxy. */
async function connected(
  t: TestContext,
  start: (target: string) => Promise<TcpProxy>,
): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await start(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const port = Number(proxy.address.split(':')[1]);
  const near = connect(port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    proxy.close();
    server.close();
  });
  return { near, far };
}

/** Often enough that what could pass the other way would have passed meanwhile. */
async function hears(near: Socket, far: Socket): Promise<void> {
  for (let count = 0; count < 20; count++) {
    far.write(`told ${count}`);
    assert.equal(await textOf(near), `told ${count}`);
  }
}

async function textOf(socket: Socket): Promise<string> {
  const [bytes] = await once(socket, 'data');
  return String(bytes);
}

function framed(payload: Uint8Array): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(payload.length);
  return Buffer.concat([prefix, payload]);
}

function introduction(name: string): Introduction {
  return {
    protocol: 1,
    clusterId: '1',
    initialCluster: '',
    memberId: '2',
    directoryId: '3',
    name,
    peerAddress: '',
    clientAddress: '',
    fresh: false,
    versions: { lowest: 1, highest: 1 },
    clusterVersion: 1,
  };
}
