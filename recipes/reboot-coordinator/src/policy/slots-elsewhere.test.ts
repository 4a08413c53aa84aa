import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyError } from './fault.ts';
import { readSlotsElsewhere } from './slots-elsewhere.ts';

const root = 'coreos.com/updateengine/rebootlock';
const one = (max: number, holders: readonly string[] | null) =>
  JSON.stringify({ semaphore: max - (holders?.length ?? 0), max, holders });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('a file with one semaphore is of the group that is named', () => {
  const group = { source: 'web', group: 'web', max: 2, holders: ['a', 'b'] };
  assert.deepEqual(readSlotsElsewhere('locksmith', one(2, ['a', 'b']), { group: 'web' }), [group]);
  const airlock = JSON.stringify({ total_slots: 2, holders: ['a', 'b'] });
  assert.deepEqual(readSlotsElsewhere('airlock', airlock, { group: 'web' }), [group]);
});

test('holders that were never written are none, and limits of a freeze stay as they are', () => {
  for (const max of [0, -2]) {
    const [group] = readSlotsElsewhere('locksmith', one(max, null), { group: 'web' });
    assert.deepEqual(group, { source: 'web', group: 'web', max, holders: [] });
  }
});

test('every form of a dump gives the same groups', () => {
  const pairs: readonly (readonly [key: string, value: string])[] = [
    [`${root}/semaphore`, one(1, ['a'])],
    [`${root}/groups/db%2Fold/semaphore`, one(3, ['b', 'c'])],
    [`${root}/groups/web/semaphore`, one(2, null)],
    ['coreos.com/network/config', 'else'],
  ];
  const nodes = pairs.map(([key, value]) => ({ key: `/${key}`, value }));
  const tree = {
    action: 'get',
    node: {
      key: '/coreos.com',
      dir: true,
      nodes: [
        { key: '/coreos.com/updateengine', dir: true, nodes: nodes.slice(0, 3) },
        { key: '/coreos.com/empty', dir: true },
        ...nodes.slice(3),
      ],
    },
  };
  const kvs = pairs.map(([key, value]) => ({ key: base64(key), value: base64(value) }));
  const parsed = Object.fromEntries(
    pairs.slice(0, 3).map(([key, text]) => [key, JSON.parse(text)]),
  );
  const forms = [Object.fromEntries(pairs), nodes, tree, { header: {}, kvs, count: 4 }, parsed];
  const names = new Map([
    ['', 'default'],
    ['db/old', 'db'],
  ]);
  for (const form of forms) {
    assert.deepEqual(readSlotsElsewhere('locksmith', JSON.stringify(form), { names }), [
      { source: '', group: 'default', max: 1, holders: ['a'] },
      { source: 'db/old', group: 'db', max: 3, holders: ['b', 'c'] },
      { source: 'web', group: 'web', max: 2, holders: [] },
    ]);
  }
  const airlock = {
    'com.coreos.airlock/groups/web/v1/semaphore': '{"total_slots":4,"holders":[]}',
  };
  assert.deepEqual(readSlotsElsewhere('airlock', JSON.stringify(airlock)), [
    { source: 'web', group: 'web', max: 4, holders: [] },
  ]);
});

test('a file that is none is refused with what is wrong in which key', () => {
  const key = (group: string): string => `${root}/groups/${group}/semaphore`;
  const dump = (pairs: Readonly<Record<string, unknown>>): string => JSON.stringify(pairs);
  const rows: readonly (readonly [text: string, says: RegExp])[] = [
    ['', /^the file is not JSON: /],
    ['7', /^the file is neither a semaphore nor a dump of etcd/],
    [one(1, []), /^the file holds one semaphore: say of which group, with --group NAME$/],
    [
      '{}',
      /^there is no semaphore of locksmith in the file, whose keys begin with .*; it has no keys$/,
    ],
    ['{"a":"1"}', /it has 1 other key$/],
    ['{"header":{}}', /it has no keys$/],
    [dump({ [key('web')]: 'x' }), /^coreos\.com\/.*\/web\/semaphore is not JSON: /],
    [dump({ [key('web')]: '[]' }), /web\/semaphore is not a JSON object$/],
    [
      dump({ [key('web')]: '{"semaphore":1}' }),
      /has no whole number "max", as locksmith writes it: it is nothing$/,
    ],
    [dump({ [key('web')]: '{"max":1.5}' }), /it is 1\.5$/],
    [dump({ [key('web')]: '{"max":1,"holders":"a"}' }), /has holders that are no list: "a"$/],
    [dump({ [key('web')]: '{"max":1,"holders":[""]}' }), /has a holder that is no id .*: ""$/],
    [dump({ [key('web')]: '{"max":1,"holders":[7]}' }), /has a holder that is no id .*: 7$/],
    [dump({ [key('web')]: one(2, ['a', 'a']) }), /has the holder "a" twice$/],
    [
      dump({ [key('a')]: one(1, ['x']), [key('b')]: one(1, ['x']) }),
      /^"x" holds a slot of a and one of b/,
    ],
    [
      dump({ [`${root}/semaphore`]: one(1, []) }),
      /^the group without a name needs another name .*: --group-map =NAME$/,
    ],
    [
      dump({ [key('a+b')]: one(1, []) }),
      /^the group "a b" needs another name .*: --group-map a b=NAME$/,
    ],
    ['{"kvs":[{"key":"_"}]}', /^the dump has what is no text in base64: "_"$/],
    ['{"kvs":[{}]}', /^the dump has a pair without a key and a value in base64: \{\}$/],
    ['[{"value":"x"}]', /^the dump has a node without a key/],
    ['[7]', /^the dump has a node that is none: 7$/],
  ];
  for (const [text, says] of rows) {
    assert.throws(
      () => readSlotsElsewhere('locksmith', text),
      (error) => error instanceof PolicyError && says.test(error.message),
      `${text} ${says}`,
    );
  }
  const two = dump({ [key('a')]: one(1, []), [key('b')]: one(1, []) });
  assert.throws(() => readSlotsElsewhere('locksmith', two, { names: new Map([['a', 'b']]) }), {
    message: 'both "a" and "b" would be b here',
  });
  assert.throws(() => readSlotsElsewhere('locksmith', two, { group: 'web' }), {
    message: /^--group is for a file with one semaphore/,
  });
});
