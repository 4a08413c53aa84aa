import assert from 'node:assert/strict';
import test from 'node:test';
import { prepareFrames, slotOfAnswer, watchIdsOfEvents } from './lockstep.ts';

/** Undoes the mask of a client frame with a 16-bit length. */
function unmask(frame: Buffer): string {
  const mask = frame.subarray(4, 8);
  return Buffer.from(frame.subarray(8).map((byte, at) => byte ^ (mask[at & 3] ?? 0))).toString();
}

test('a prepared frame becomes a request with another id by one byte', () => {
  const params = { key: 'k', value: '"id":0'.repeat(30) };
  const [prepared] = prepareFrames('kv.put', [params]);
  assert.ok(prepared !== undefined);
  const frame = Buffer.from(prepared.bytes);
  frame[prepared.idAt] = '7'.charCodeAt(0) ^ prepared.idMask;
  assert.equal(frame[0], 0x81);
  assert.equal(frame.readUInt16BE(2) & 0x7fff, frame.length - 8);
  assert.deepEqual(JSON.parse(unmask(frame)), {
    ...{ jsonrpc: '2.0', id: 7, method: 'kv.put' },
    params,
  });
});

test('the slot is read from an answer with a result and from nothing else', () => {
  const slotOf = (text: string): number =>
    slotOfAnswer(Buffer.from(`xx${text}${' '.repeat(40)}`), 2);
  assert.equal(slotOf('{"jsonrpc":"2.0","id":9,"result":{}}'), 9);
  assert.equal(slotOf('{"jsonrpc":"2.0","id":9,"error":{"code":-32020}}'), -1);
  assert.equal(slotOf('{"jsonrpc":"2.0","id":12,"result":{}}'), -1);
  assert.equal(slotOf('{"jsonrpc":"2.0","method":"heartbeat","params":{}}'), -1);
});

test('a notification counts once for each watch id', () => {
  const countOf = (message: object): number => {
    const bytes = Buffer.from(`xx${JSON.stringify(message)}`);
    return watchIdsOfEvents(bytes, 2, bytes.length);
  };
  const events = [{ type: 'put', kv: { key: '[,]', value: ',' } }];
  const notification = (watchIds: number[]): object => ({
    ...{ jsonrpc: '2.0', method: 'watch.events' },
    params: { watchIds, revision: 5, events },
  });
  assert.equal(countOf(notification([1])), 1);
  assert.equal(countOf(notification([1, 22, 333])), 3);
  assert.equal(countOf({ jsonrpc: '2.0', id: 1, result: { watchId: 1 } }), 0);
});
