import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary, toJson } from '@bufbuild/protobuf';
import {
  AlarmResponseSchema,
  HashResponseSchema,
  LeaseGrantRequestSchema,
  LeaseTimeToLiveResponseSchema,
  MemberListResponseSchema,
  PutRequestSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  StatusResponseSchema,
  TxnRequestSchema,
  TxnResponseSchema,
  WatchRequestSchema,
  WatchResponseSchema,
} from '../gen/rpc_pb.ts';
import { decodeJson, encodeJson, jsonOfBytes } from './json-codec.ts';

function decode(schema: DescMessage, json: unknown): Record<string, unknown> {
  return decodeJson(schema, typeof json === 'string' ? json : JSON.stringify(json));
}

function refusal(schema: DescMessage, json: unknown): string {
  try {
    decode(schema, json);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return assert.fail('it was taken');
}

test('bytes are base64 of either alphabet, padded or not', () => {
  for (const key of ['+/8=', '-_8=', '-_8']) {
    const { key: bytes } = decode(PutRequestSchema, { key });
    assert.deepEqual([...(bytes as Uint8Array)], [0xfb, 0xff], key);
  }
  assert.match(refusal(PutRequestSchema, { key: 'a!' }), /PutRequest\.key .* invalid base64/);
  assert.match(refusal(PutRequestSchema, { key: 5 }), /PutRequest\.key/);
});

test('a 64-bit number is a string or a number, and keeps every digit', () => {
  const id = '7587862094951490563';
  for (const json of [`{"ID":"${id}"}`, `{"ID":${id}}`, `{"note":"\\"9","ID" : ${id}}`]) {
    assert.equal(decode(LeaseGrantRequestSchema, json).ID, id, json);
  }
  assert.equal(decode(LeaseGrantRequestSchema, `{"ID":-${id}}`).ID, `-${id}`);
  assert.equal(decode(RangeRequestSchema, { limit: 5 }).limit, 5n);
  assert.equal(decode(RangeRequestSchema, { limit: '5' }).limit, 5n);
  for (const limit of ['x', '', 1.5, '99999999999999999999']) {
    assert.match(refusal(RangeRequestSchema, { limit }), /RangeRequest\.limit/);
  }
  assert.match(refusal(RangeRequestSchema, '{"limit":99999999999999999999}'), /limit/);
});

test('digits within a string stay as they are', () => {
  const key = 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=';
  const text = `{"key":"${key}","value":"1234567890123456","lease":1234567890123456789}`;
  const { lease, value } = decode(PutRequestSchema, text);
  assert.equal(lease, '1234567890123456789');
  assert.equal((value as Uint8Array).length, 12);
});

test('a field has two names, and one that the message has not is passed over at every depth', () => {
  const json = {
    bogus: 1,
    success: [
      { requestRange: { rangeEnd: 'Yg==', other: {} } },
      { request_range: { key: 'YQ==' } },
    ],
  };
  const { success } = decode(TxnRequestSchema, json) as { success: { request: unknown }[] };
  const cases = success.map(({ request }) => (request as { case: string }).case);
  assert.deepEqual(cases, ['requestRange', 'requestRange']);
  const watch = decode(WatchRequestSchema, { create_request: { key: 'YQ==', x: 1 } });
  assert.equal((watch.requestUnion as { case: string }).case, 'createRequest');
});

test('an enum is a name or a number, and a name that it has not is refused', () => {
  assert.equal(decode(RangeRequestSchema, { sort_order: 'DESCEND' }).sortOrder, 2);
  assert.equal(decode(RangeRequestSchema, { sort_order: 2 }).sortOrder, 2);
  assert.match(refusal(RangeRequestSchema, { sort_order: 'SIDEWAYS' }), /SIDEWAYS/);
});

test('what is no object, or sets two of a union, is refused with a sentence', () => {
  assert.match(refusal(RangeRequestSchema, '[]'), /must be a JSON object, a .*RangeRequest/);
  assert.match(refusal(RangeRequestSchema, '{"key":}'), /^the body is not JSON: /);
  assert.match(refusal(TxnRequestSchema, { compare: {} }), /TxnRequest\.compare/);
  const both = { compare: [{ version: 1, create_revision: 1 }] };
  assert.match(refusal(TxnRequestSchema, both), /target_union/);
});

test('an answer has the names of the .proto files, numbers as strings, and nothing that is zero', () => {
  const kv = { key: Buffer.from('a'), createRevision: 2n, modRevision: 3n, lease: '0' };
  const answer = { header: { clusterId: '9', revision: 3n }, kvs: [kv], more: false, count: 1n };
  const json =
    '{"header":{"cluster_id":"9","revision":"3"},"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3"}],"count":"1"}';
  assert.equal(encodeJson(RangeResponseSchema, answer), json);
  const bytes = toBinary(RangeResponseSchema, create(RangeResponseSchema, answer));
  assert.equal(jsonOfBytes(RangeResponseSchema, bytes), json);
  const responses = [{ response: { case: 'responseTxn', value: { header: {} } } }];
  const txn = encodeJson(TxnResponseSchema, { responses });
  assert.equal(txn, '{"responses":[{"response_txn":{"header":{}}}]}');
});

test('an answer is what the library itself makes of it', () => {
  const options = { useProtoFieldName: true } as const;
  const kv = { key: Uint8Array.of(0, 255), value: Buffer.from('v'), version: 1n, lease: '-5' };
  const header = { clusterId: '18446744073709551615', revision: 9_007_199_254_740_993n };
  const answers: readonly (readonly [DescMessage, MessageInitShape<DescMessage>])[] = [
    [WatchResponseSchema, { header, watchId: -1n, events: [{ type: 1, kv, prevKv: kv }, {}] }],
    [AlarmResponseSchema, { alarms: [{ memberID: '5', alarm: 1 }, { alarm: 77 }] }],
    [HashResponseSchema, { hash: 4_000_000_000 }],
    [MemberListResponseSchema, { members: [{ ID: '7', peerURLs: ['a', ''], isLearner: true }] }],
    [LeaseTimeToLiveResponseSchema, { ID: '9', TTL: -1n, keys: [Buffer.from('k')] }],
    [StatusResponseSchema, { errors: ['x'], downgradeInfo: {} }],
  ];
  for (const [schema, answer] of answers) {
    const expected = toJson(schema, create(schema, answer), options);
    assert.equal(encodeJson(schema, answer), JSON.stringify(expected), schema.typeName);
  }
});
