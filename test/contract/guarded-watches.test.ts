import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import type { WatchRequest } from '../../server/src/store.ts';
import { AuthRig } from '../harness/auth-rig.ts';

const range = { key: 'a' as ByteString, rangeEnd: '' as ByteString };
const request: WatchRequest = {
  ranges: [range],
  startRevision: 0,
  prevKv: false,
  noPut: false,
  noDelete: false,
  keysOnly: false,
  progressNotify: false,
  credits: undefined,
};

/** A watch of ada's, and what it was told. */
function watching(rig: AuthRig) {
  const told: string[] = [];
  const stream = rig.service.calls.openWatchStream(
    {
      ready: () => true,
      events: (watchIds, { revision }) => told.push(`${watchIds.join()} at ${revision}`),
      progress: () => {},
      ended: (watchId, { reason, resumeRevision }) =>
        told.push(`${watchId} ended: ${reason}, resume at ${resumeRevision}`),
    },
    { caller: rig.as('ada') },
  );
  return { stream, told };
}

async function put(rig: AuthRig): Promise<void> {
  assert.equal(await rig.call(rig.as('root'), 'kv.put', { key: 'a', value: '' }), 'ok');
}

test('[W-102] a token that has run out ends no watch when other rights change', async () => {
  const rig = new AuthRig().user('ada', ['read', 'a']).enforce();
  const { stream, told } = watching(rig);
  stream.create(1, request);
  rig.now += 400_000;
  rig.addUser('bob');
  await put(rig);
  assert.deepEqual(told, ['1 at 2']);
  assert.throws(() => stream.create(2, request), { code: 'invalid_auth_token' });
  stream.close();
});

test('[W-102] a watch that has lost its right ends where another would go on, and the others stay', async () => {
  const rig = new AuthRig().user('ada', ['read', 'a'], ['read', 'b']).enforce();
  const { stream, told } = watching(rig);
  stream.create(1, request);
  stream.create(2, { ...request, ranges: [{ ...range, key: 'b' as ByteString }] });
  assert.throws(() => stream.create(1, request), { code: 'watch_id_taken' });
  await put(rig);
  rig.revoke('ada', 'a');
  await put(rig);
  rig.revoke('ada', 'b');
  assert.deepEqual(told, [
    '1 at 2',
    '1 ended: permission_denied, resume at 3',
    '2 ended: permission_denied, resume at 2',
  ]);
  stream.close();
});
