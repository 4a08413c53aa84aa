import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, subprotocolToken } from './request-metadata.ts';

test('Authorization is metadata twice: as it came, and as a bare token', () => {
  const metadata = metadataOf({ authorization: 'Bearer abc.1' });
  assert.equal(metadata('authorization'), 'Bearer abc.1');
  assert.equal(metadata('token'), 'abc.1');
  assert.equal(metadataOf({ authorization: 'abc.1' })('token'), 'abc.1');
  assert.equal(metadataOf({})('token'), undefined);
});

test('Grpc-Metadata-X is x, and goes before Authorization', () => {
  const headers = { 'grpc-metadata-token': 't', 'grpc-metadata-hasleader': 'true' };
  const metadata = metadataOf({ ...headers, authorization: 'other', hasleader: 'false' });
  assert.equal(metadata('token'), 't');
  assert.equal(metadata('hasleader'), 'true');
  assert.equal(metadata('host'), undefined);
});

test('a page gives its token as a subprotocol', () => {
  const token = (offer: string) => subprotocolToken({ 'sec-websocket-protocol': offer });
  assert.equal(token('Bearer, abc.1'), 'Bearer abc.1');
  assert.equal(token('Bearer,abc.1'), 'Bearer abc.1');
  assert.equal(token('lockstep.v1'), undefined);
  assert.equal(subprotocolToken({}), undefined);
});
