import assert from 'node:assert/strict';
import test from 'node:test';
import {
  enterQueueRequest,
  grpcMessage,
  hasSucceeded,
  lockRequest,
  putRequest,
  summarizeWatchResponse,
  watchCreateRequest,
} from './protobuf.ts';

test('requests are encoded as protobuf and gRPC say', () => {
  assert.deepEqual([...putRequest('k', 'vv')], [0x0a, 1, 0x6b, 0x12, 2, 0x76, 0x76]);
  assert.deepEqual([...putRequest('', 'v'.repeat(256)).subarray(2, 5)], [0x12, 0x80, 2]);
  assert.deepEqual([...watchCreateRequest('k')], [0x0a, 3, 0x0a, 1, 0x6b]);
  assert.deepEqual([...grpcMessage(Buffer.of(9, 9))], [0, 0, 0, 0, 2, 9, 9]);
});

test('the events of a watch response are counted without decoding them', () => {
  const header = [0x0a, 2, 0x18, 7];
  const watchId = [0x10, 0x81, 0x01];
  const event = [0x5a, 3, 0x12, 1, 0x5a];
  const summary = (...fields: number[][]): object => {
    const bytes = Buffer.from([0xff, ...fields.flat(), 0xff]);
    return summarizeWatchResponse(bytes, 1, bytes.length - 1);
  };
  assert.deepEqual(summary(header, watchId, event, event), {
    ...{ created: false, canceled: false, events: 2 },
  });
  assert.deepEqual(summary(header, watchId, [0x18, 1]), {
    ...{ created: true, canceled: false, events: 0 },
  });
  assert.deepEqual(summary(header, [0x20, 1]), {
    ...{ created: false, canceled: true, events: 0 },
  });
});

test('a lock request carries its lease as a varint, also beyond 2^53', () => {
  assert.deepEqual([...lockRequest('n', '300')], [0x0a, 1, 0x6e, 0x10, 0xac, 0x02]);
  const lease = lockRequest('', String(2n ** 62n + 1n)).subarray(3);
  assert.deepEqual([...lease], [0x81, ...Array(7).fill(0x80), 0x40]);
});

test('entering a queue puts the key only if it is not there, and reads the oldest of the queue', () => {
  const body = enterQueueRequest('q', 'q/1', '1');
  const compare = [0x10, 1, 0x1a, 3, 0x71, 0x2f, 0x31, 0x28, 0];
  assert.deepEqual([...body.subarray(0, 11)], [0x0a, compare.length, ...compare]);
  const put = [0x0a, 3, 0x71, 0x2f, 0x31, 0x12, 0, 0x18, 1];
  assert.deepEqual(
    [...body.subarray(11, 11 + 4 + put.length)],
    [0x12, 2 + put.length, 0x12, put.length, ...put],
  );
  const oldest = [0x0a, 2, 0x71, 0x2f, 0x12, 2, 0x71, 0x30, 0x18, 1, 0x28, 1, 0x30, 2];
  assert.deepEqual([...body.subarray(-oldest.length)], oldest);
});

test('a transaction has succeeded when its answer says so', () => {
  const header = [0x0a, 2, 0x18, 7];
  assert.equal(hasSucceeded(Buffer.from([...header, 0x10, 1, 0x1a, 0])), true);
  assert.equal(hasSucceeded(Buffer.from([...header, 0x1a, 2, 0x10, 1])), false);
});
