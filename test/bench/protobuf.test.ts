import assert from 'node:assert/strict';
import test from 'node:test';
import { grpcMessage, putRequest, summarizeWatchResponse, watchCreateRequest } from './protobuf.ts';

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
