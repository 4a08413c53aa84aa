import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Client, UnavailableError } from '@lockstep/client';
import { TableError } from '@lockstep/client/protocol';
import { http, open, openDoors } from '../harness/doors.ts';

const parts = ['one', 'two', 'three'].map((text) => new TextEncoder().encode(text));

test('[W-56] a snapshot is one long body that tells its revision', async (t) => {
  const doors = await openDoors(t);
  doors.store.snapshots.parts = parts;
  const { status, text, headers } = await http(doors, '/v1/snapshot');
  assert.deepEqual([status, text], [200, 'onetwothree']);
  assert.equal(headers['content-type'], 'application/octet-stream');
  assert.equal(headers['lockstep-revision'], '1');
  assert.match(`${headers['content-disposition']}`, /filename="lockstep-1\.snap"/);
  const head = await http(doors, '/v1/snapshot', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text, head.headers['lockstep-revision']], [200, '', '1']);
  assert.equal(doors.store.snapshots.openCount, 0);
});

test('[W-56] without a leader only what the member has is answered', async (t) => {
  const doors = await openDoors(t);
  doors.store.snapshots.parts = parts;
  doors.store.failure = new TableError('no_leader');
  const refused = await http(doors, '/v1/snapshot');
  assert.deepEqual([refused.status, refused.json.error.data.code], [503, 'no_leader']);
  assert.equal((await http(doors, '/v1/snapshot?serializable=true')).text, 'onetwothree');
  const other = await http(doors, '/v1/snapshot?serial');
  assert.match(other.json.error.message, /\/v1\/snapshot knows one option: serializable=true/);
  assert.equal((await http(doors, '/v1/snapshot', { method: 'POST' })).headers.allow, 'GET, HEAD');
});

test('[W-56] it is made no faster than it is taken, and a client that goes away lets go of it', async (t) => {
  const doors = await openDoors(t);
  const megabyte = new Uint8Array(1024 * 1024);
  doors.store.snapshots.parts = Array.from({ length: 100 }, () => megabyte);
  const response = await open(doors, '/v1/snapshot');
  await once(response, 'readable');
  assert.equal(doors.store.snapshots.openCount, 1);
  const socket = once(response, 'close');
  response.destroy();
  await socket;
  await doors.store.snapshots.allClosed();
  // What the sockets of both ends hold; the rest was never asked for.
  assert.ok(doors.store.snapshots.partsTaken < 60, `${doors.store.snapshots.partsTaken} parts`);
});

test('[W-56] one that cannot go on breaks off, and the client says so', async (t) => {
  const doors = await openDoors(t);
  // Large enough that its begin is on its way before it breaks off.
  doors.store.snapshots.parts = [new Uint8Array(4 * 1024 * 1024)];
  doors.store.snapshots.failure = new TableError('server_stopped');
  await using client = new Client({ endpoints: doors.doors.address });
  const snapshot = await client.snapshot();
  assert.equal(snapshot.revision, 1);
  const taken: Uint8Array[] = [];
  await assert.rejects(
    async () => {
      for await (const piece of snapshot) taken.push(piece);
    },
    (error: unknown) =>
      error instanceof UnavailableError && /broke off after \d+ bytes/.test(error.message),
  );
  assert.deepEqual(doors.internalErrors, []);
});

test('the client takes a snapshot, of another endpoint too, and says what was refused', async (t) => {
  const [one, two] = [await openDoors(t), await openDoors(t)];
  one.store.snapshots.parts = parts;
  two.store.snapshots.parts = parts.slice(1);
  await using client = new Client({ endpoints: one.doors.address });
  const textOf = async (...where: Parameters<Client['snapshot']>): Promise<string> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of await client.snapshot(...where)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  assert.equal(await textOf(), 'onetwothree');
  assert.equal(await textOf(two.doors.address), 'twothree');
  one.store.failure = new TableError('no_leader');
  await assert.rejects(textOf(undefined), { code: 'no_leader' });
  assert.equal(await textOf(undefined, { serializable: true }), 'onetwothree');
  const aborted = AbortSignal.abort(new Error('given up'));
  await assert.rejects(textOf(undefined, { signal: aborted }), /given up/);
  await assert.rejects(textOf('127.0.0.1:1'), /no snapshot from 127\.0\.0\.1:1 \(.+\)/);
});

test('who stops reading lets go of the snapshot', async (t) => {
  const doors = await openDoors(t);
  const megabyte = new Uint8Array(1024 * 1024);
  doors.store.snapshots.parts = Array.from({ length: 100 }, () => megabyte);
  await using client = new Client({ endpoints: doors.doors.address });
  for await (const piece of await client.snapshot()) {
    assert.ok(piece.length > 0);
    break;
  }
  await doors.store.snapshots.allClosed();
});
