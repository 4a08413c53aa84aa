import assert from 'node:assert/strict';
import test from 'node:test';
import { TableError } from './errors.ts';
import { limits } from './limits.ts';
import { methodNames } from './methods.ts';
import { parseParams } from './params.ts';
import { type ClientCall, parseClientFrame, parseJson, parseMethod } from './parse.ts';

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TableError);
    return { code: error.code, message: error.message };
  }
  assert.fail('nothing was refused');
}

function single(text: string): ClientCall {
  const call = parseClientFrame(text);
  assert.ok(!Array.isArray(call));
  return call;
}

test('[W-6] an unknown param is refused by name, with the nearest one', () => {
  const { code, message } = refusal(() => parseParams('watch.create', { prefx: 'a' }));
  assert.equal(code, 'invalid_params');
  assert.equal(message, 'params.prefx is not a parameter of watch.create; did you mean prefix?');
});

test('[W-6] an unknown param near nothing is answered with all there are', () => {
  const { message } = refusal(() => parseParams('kv.put', { colour: 'red' }));
  assert.match(
    message,
    /params\.colour is not a parameter of kv\.put; there are key, value, lease, prevKv/,
  );
  const { message: none } = refusal(() => parseParams('lease.list', { all: true }));
  assert.match(none, /it takes none/);
});

test('[W-6] a wrong type says what came and what would be right', () => {
  const cases: [() => unknown, RegExp][] = [
    [
      () => parseParams('kv.range', { limit: 'ten' }),
      /limit must be a whole number.*the string "ten"/,
    ],
    [
      () => parseParams('kv.range', { limit: -1 }),
      /limit must be a whole number, 0 or greater; got -1/,
    ],
    [() => parseParams('kv.range', { limit: 1.5 }), /got 1\.5/],
    [() => parseParams('kv.range', { limit: null }), /got null/],
    [
      () => parseParams('kv.range', { serializable: 'yes' }),
      /must be true or false; got the string/,
    ],
    [() => parseParams('kv.put', { key: 1, value: '' }), /key must be a string, or .*; got 1$/],
    [
      () => parseParams('kv.put', { key: 'a', value: ['b'] }),
      /value must be .*; got an array of 1/,
    ],
    [() => parseParams('kv.put', { key: 'a', value: { base64: 1 } }), /got an object with base64/],
    [
      () => parseParams('kv.put', { key: { base64: '', x: 1 }, value: '' }),
      /got an object with base64, x/,
    ],
    [
      () => parseParams('maintenance.moveLeader', { targetId: 7 }),
      /decimal number in a string.*got 7/,
    ],
    [() => parseParams('kv.put', ['a', 'b']), /must be an object with names, got an array of 2/],
    [() => parseParams('kv.put', { value: 'a' }), /params\.key is missing: kv\.put needs a string/],
  ];
  for (const [run, pattern] of cases) {
    const { code, message } = refusal(run);
    assert.equal(code, 'invalid_params');
    assert.match(message, pattern);
  }
});

test('[W-6] names of Object.prototype are unknown like any other', () => {
  const raw = JSON.parse('{"key":"a","value":"b","__proto__":{"prevKv":true}}');
  assert.match(refusal(() => parseParams('kv.put', raw)).message, /params\.__proto__ is not/);
  assert.match(refusal(() => parseParams('kv.put', { constructor: 1 })).message, /constructor/);
});

test('[W-21] operands beyond 2^53 - 1 saturate', () => {
  const raw = JSON.parse('{"key":"a","revision":9223372036854775807,"limit":1e400}');
  const params = parseParams('kv.range', raw);
  assert.equal(params.revision, Number.MAX_SAFE_INTEGER);
  assert.equal(params.limit, Number.MAX_SAFE_INTEGER);
});

test('[W-21] ids are decimal strings', () => {
  assert.equal(parseParams('maintenance.moveLeader', { targetId: '-42' }).targetId, '-42');
  refusal(() => parseParams('maintenance.moveLeader', { targetId: '0x7' }));
});

test('no params at all are the same as none', () => {
  assert.deepEqual(parseParams('maintenance.status', undefined), {});
});

test('[W-6] an unknown method is refused with the nearest one', () => {
  assert.match(
    refusal(() => parseMethod('kv.putt')).message,
    /"kv\.putt" is not a method; did you mean kv\.put\?/,
  );
  assert.match(refusal(() => parseMethod('toString')).message, /the methods are kv\.range/);
  for (const name of methodNames) assert.equal(parseMethod(name), name);
});

test('[W-55] text that is not JSON is refused with the position', () => {
  const cases: [string, number][] = [
    ['', 0],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ["{'a':1}", 1],
    ['[1 2]', 3],
    ['[1,2', 4],
    ['{"a":"b', 7],
    ['"\\x"', 1],
    ['"\n"', 1],
    ['12abc', 2],
    ['01', 1],
    ['nul', 0],
    ['{"a":1}}', 7],
    ['[1]]', 3],
    ['[}', 1],
    ['{"a":[{"b":tru}]}', 11],
  ];
  for (const [text, at] of cases) {
    const { code, message } = refusal(() => parseJson(text));
    assert.equal(code, 'parse_error');
    assert.match(message, new RegExp(`at position ${at}\\b`), `${text}: ${message}`);
  }
});

test('[W-55] a long broken text is refused in little time and few words', () => {
  const text = `${'['.repeat(100_000)}"${'x'.repeat(1_000_000)}`;
  assert.ok(refusal(() => parseJson(text)).message.length < 200);
});

test('[W-3] what is not a request says why, to its id where it has one', () => {
  const cases: [string, unknown, RegExp][] = [
    ['1', null, /must be a JSON object, got 1/],
    ['{"id":5,"method":"kv.put"}', 5, /jsonrpc must be "2\.0"; got nothing/],
    ['{"jsonrpc":"2.0","id":"x"}', 'x', /method must be a string; got nothing/],
    ['{"jsonrpc":"2.0","id":{},"method":"kv.put"}', null, /id must be a string or a number/],
    ['{"jsonrpc":"2.0","id":1e999,"method":"kv.put"}', null, /id must be .* got Infinity/],
    [
      '{"jsonrpc":"2.0","id":1,"method":"kv.put","parms":{}}',
      1,
      /"parms" is not a member.*mean params/,
    ],
  ];
  for (const [text, id, pattern] of cases) {
    const call = single(text);
    assert.equal(call.id, id);
    assert.equal(call.fault?.code, 'invalid_request');
    assert.match(call.fault?.message ?? '', pattern);
  }
});

test('[W-3] a request without an id is a notification', () => {
  const call = single('{"jsonrpc":"2.0","method":"kv.put","params":{}}');
  assert.equal(call.id, undefined);
  assert.equal(call.fault, undefined);
});

test('[W-4] a batch holds 1 to 64 requests', () => {
  const call = '{"jsonrpc":"2.0","id":1,"method":"maintenance.status"}';
  const batch = (size: number) => parseClientFrame(`[${Array(size).fill(call).join()}]`);
  const whole = batch(limits.batchRequestsMax);
  assert.ok(Array.isArray(whole));
  assert.equal(whole.length, limits.batchRequestsMax);
  assert.match(refusal(() => batch(limits.batchRequestsMax + 1)).message, /at most 64.*has 65/);
  assert.match(refusal(() => batch(0)).message, /empty/);
});
