import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCompare, parseStep } from './txn-lines.ts';

function wireOf(line: string): unknown {
  return parseStep(line).operation.wire;
}

test('conditions are read as etcdctl reads them', () => {
  const of = (key: string, target: string, operator: string, operand: unknown): unknown => {
    return { key, target, operator, operand };
  };
  for (const [line, expected] of [
    ['mod("key1") > "0"', of('key1', 'mod', '>', 0)],
    ['m("k") != "3"', of('k', 'mod', '!=', 3)],
    ['version("k")="1"', of('k', 'version', '=', 1)],
    ['ver("k") < "9"', of('k', 'version', '<', 9)],
    ['create ( "k" ) = "0"', of('k', 'create', '=', 0)],
    ['c("k") = "99999999999999999999"', of('k', 'create', '=', Number.MAX_SAFE_INTEGER)],
    [String.raw`value("a \x41") = "\xff"`, of('a A', 'value', '=', { base64: '/w==' })],
    ['val("k") = ""', of('k', 'value', '=', '')],
    ['lease("k") = "0x10"', of('k', 'lease', '=', '16')],
  ] as const) {
    assert.deepEqual(parseCompare(line).wire, expected, line);
  }
});

test('a condition that cannot be read is refused with what would be right', () => {
  for (const [line, expected] of [
    ['mod(k) = 0', /mod\(k\) = 0 is no comparison: write for example mod\("key1"\) > "0"/],
    ['foo("k") = "1"', /"foo" is none of version, create, mod, value and lease/],
    ['toString("k") = "1"', /"toString" is none of/],
    ['mod("k" = "1"', /after the key there must be "\)"/],
    ['mod("k) = 1', /has no closing quote/],
    ['mod("k") >= "1"', /">=" is none of = != < and >/],
    ['mod("k") == "1"', /"==" is none of/],
    ['mod("k") "1"', /"" is none of/],
    ['mod("k") = 1', /what to compare with must be in quotes/],
    ['mod("k") =', /what to compare with must be in quotes/],
    ['mod("k") = "1" junk', /"junk" is too much/],
    ['mod("k") = "x"', /"x" is no mod: it must be a whole number/],
    ['mod("k") = "-1"', /"-1" is no mod/],
    ['lease("k") = "beef"', /for hexadecimal write 0xbeef/],
  ] as const) {
    assert.throws(() => parseCompare(line), { name: 'UsageError', message: expected }, line);
  }
});

test('put, get and del take the options of their verbs', () => {
  assert.deepEqual(wireOf('put a b'), { put: { key: 'a', value: 'b' } });
  assert.deepEqual(wireOf('put a "b c" --lease=0x10 --prev-kv'), {
    put: { key: 'a', value: 'b c', lease: '16', prevKv: true },
  });
  assert.deepEqual(wireOf('put a --ignore-value'), { put: { key: 'a', ignoreValue: true } });
  assert.deepEqual(wireOf(String.raw`put -- -a "-\xff"`), {
    put: { key: '-a', value: { base64: 'Lf8=' } },
  });
  assert.deepEqual(
    wireOf('get "" --prefix --keys-only --limit=2 --order descend --sort-by MODIFY'),
    {
      range: { prefix: '', keysOnly: true, limit: 2, sortOrder: 'descend', sortTarget: 'mod' },
    },
  );
  assert.deepEqual(wireOf('get a z --rev 3 --consistency s'), {
    range: { key: 'a', rangeEnd: 'z', revision: 3, serializable: true },
  });
  assert.deepEqual(wireOf('del a --from-key --prev-kv'), {
    deleteRange: { key: 'a', rangeEnd: '\0', prevKv: true },
  });
});

test('an operation that cannot be read is refused with what would be right', () => {
  for (const [line, expected] of [
    ['PUT a b', /"PUT" is none of put, get and del/],
    ['help', /"help" is none of put, get and del/],
    ['put a', /put needs a key and a value, or --ignore-value/],
    ['put a b c', /too many arguments/],
    ['put a b --ignore-value', /exclude each other/],
    ['put a b --lease 1 --ignore-lease', /exclude each other/],
    ['put a b --lease x', /--lease is "x"; it must be a whole number/],
    ['get', /missing required argument 'key'/],
    ['get a --prefx', /unknown option '--prefx'\n\(Did you mean --prefix\?\)/],
    ['get a --help', /unknown option '--help'/],
    ['get a --limit x', /--limit is "x"/],
    ['get a --order up', /--order is "up"; it must be ASCEND or DESCEND/],
    ['get a --sort-by toString', /--sort-by is "toString"; it must be CREATE, KEY/],
    ['del a b --prefix', /exclude each other/],
  ] as const) {
    assert.throws(() => parseStep(line), { name: 'UsageError', message: expected }, line);
  }
});
