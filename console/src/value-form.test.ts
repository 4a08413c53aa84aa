import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteString, bytesFromArray, bytesFromText } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { compactJson, indentJson } from './json-layout.ts';
import { bestForm, parse, show, valueForms } from './value-form.ts';

const bytes = (text: string): ByteString => bytesFromText(text) ?? assert.fail();

test('what is shown in a form and typed back unchanged gives the same bytes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array().map(bytesFromArray),
        fc.string({ unit: 'binary' }).map(bytes),
        fc.json().map(bytes),
      ),
      (value) => {
        for (const { form } of valueForms) {
          const shown = show(value, form);
          if ('fault' in shown) continue;
          // JSON with white space of its own is laid out anew; only what is compact comes back as it was.
          if (form === 'json' && compactJson(textOf(value)) !== textOf(value)) continue;
          assert.deepEqual(parse(shown.text, form, value), { bytes: value }, form);
        }
      },
    ),
  );
});

function textOf(value: ByteString): string {
  const shown = show(value, 'text');
  return 'text' in shown ? shown.text : assert.fail();
}

test('JSON is laid out anew without a change of meaning', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      assert.deepEqual(JSON.parse(indentJson(json)), JSON.parse(json));
      assert.equal(compactJson(indentJson(json)), compactJson(json));
    }),
  );
});

test('long numbers, doubled names and texts with brackets survive the layout', () => {
  const json =
    '{"a":12345678901234567890,"a":"{ \\"x\\": [1, 2] }","b":[],"c":{},"d":[1.0,-2e400]}';
  assert.equal(compactJson(indentJson(json)), json);
  assert.equal(indentJson('{"a":[1,{}]}'), '{\n  "a": [\n    1,\n    {}\n  ]\n}');
});

test('a value is shown as what it looks like', () => {
  assert.equal(bestForm(bytes(' {"a": 1}')), 'json');
  assert.equal(bestForm(bytes('12')), 'text');
  assert.equal(bestForm(bytes('{a}')), 'text');
  assert.equal(bestForm(bytesFromArray(Uint8Array.of(0xff))), 'hex');
});

test('what is wrong with what was typed is said in a sentence', () => {
  const faultOf = (typed: string, form: 'json' | 'hex' | 'base64' | 'text') => {
    const result = parse(typed, form, undefined);
    return 'fault' in result ? result.fault : assert.fail(typed);
  };
  assert.match(faultOf('{"a":', 'json'), /^This is not JSON: /);
  assert.match(faultOf('0g', 'hex'), /"g" is no hexadecimal digit/);
  assert.match(faultOf('123', 'hex'), /odd/);
  assert.match(faultOf('a', 'base64'), /not base64/);
  assert.match(faultOf('\ud800', 'text'), /half a character/);
});
