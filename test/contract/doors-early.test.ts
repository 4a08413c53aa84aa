import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { subprotocol } from '@lockstep/client/protocol';
import { WebSocket } from 'ws';
import { openPort } from '../../server/src/api/listen.ts';
import { openDoors } from '../harness/doors.ts';

test('whoever comes before the doors are open is answered when they are', async (t) => {
  const port = await openPort('127.0.0.1:0');
  const asked = [once(port.server, 'request'), once(port.server, 'upgrade')];
  const answer = fetch(`http://${port.address}/v1/kv/a`, { method: 'PUT', body: '1' });
  const socket = new WebSocket(`ws://${port.address}/v1/ws`, subprotocol);
  t.after(() => socket.terminate());
  const opened = once(socket, 'open');
  await Promise.all(asked);
  const { store } = await openDoors(t, { listen: port });
  assert.equal((await answer).status, 200);
  await opened;
  assert.equal(store.revision, 2, 'it was run once');
});

test('whoever comes before doors that never open is not kept', async () => {
  const port = await openPort('127.0.0.1:0');
  const asked = once(port.server, 'request');
  const answer = fetch(`http://${port.address}/health`);
  await asked;
  await Promise.all([port.close(), assert.rejects(answer)]);
});
