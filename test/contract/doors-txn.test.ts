import assert from 'node:assert/strict';
import { limits } from '@lockstep/client/protocol';
import { refuses, throughEveryDoor } from '../harness/every-door.ts';

throughEveryDoor((scenario) => {
  scenario('[W-60] a range is filtered, sorted and then cut', async ({ call, refusal }) => {
    for (const [key, value] of ['b2', 'a3', 'c1', 'a4'].map((pair) => [...pair])) {
      await call('kv.put', { key, value });
    }
    const sorted = await call('kv.range', {
      prefix: '',
      sortTarget: 'value',
      sortOrder: 'descend',
      limit: 2,
      maxModRevision: 4,
    });
    assert.deepEqual(
      sorted.kvs.map(({ key }: { key: string }) => key),
      ['b', 'c'],
    );
    assert.deepEqual([sorted.more, sorted.count], [false, 3]);
    const error = await refusal('kv.range', { prefix: '', sortTarget: 'size' });
    assert.equal(error.data.code, 'invalid_sort_option');
    assert.match(
      error.message,
      /^etcdserver: invalid sort option; .*key, version, create, mod or value/,
    );
  });

  scenario(
    '[W-61] the chunks of a scan show one revision, whatever is written between',
    async ({ call, open, refusal }) => {
      for (const key of ['a', 'b', 'c', 'd']) await call('kv.put', { key, value: key });
      const first = await call('kv.scan', { prefix: '', limit: 2 });
      assert.deepEqual([first.revision, first.kvs.length, first.more], [5, 2, true]);
      await call('kv.deleteRange', { prefix: '' });
      const rest = { prefix: '', after: first.kvs[1].key, revision: first.revision };
      const second = await call('kv.scan', rest);
      assert.deepEqual(
        [second.kvs.map(({ key }: { key: string }) => key), second.more],
        [['c', 'd'], false],
      );
      await open.store.compact({ revision: 6 });
      assert.equal((await refusal('kv.scan', rest)).data.code, 'compacted');
    },
  );

  scenario('[W-62] a put keeps what it is told to keep, and says what it lacks', async (door) => {
    const { call } = door;
    await call('lease.grant', { ttl: 10, id: '-9223372036854775808' });
    await call('kv.put', { key: 'a', value: '1', lease: '-9223372036854775808' });
    await call('kv.put', { key: 'a', value: '2', ignoreLease: true });
    await call('kv.put', { key: 'a', ignoreValue: true, ignoreLease: true });
    const { kvs } = await call('kv.range', { key: 'a' });
    assert.deepEqual(
      [kvs[0].value, kvs[0].lease, kvs[0].version],
      ['2', '-9223372036854775808', 3],
    );
    const cases: [object, [string, string]][] = [
      [{ key: 'b', ignoreValue: true }, ['key_not_found', 'etcdserver: key not found']],
      [
        { key: 'b', value: '', lease: '5' },
        ['lease_not_found', 'etcdserver: requested lease not found'],
      ],
      [
        { key: 'a', value: '1', ignoreValue: true },
        ['value_provided', 'etcdserver: value is provided'],
      ],
      [
        { key: 'a', value: '1', lease: '5', ignoreLease: true },
        ['lease_provided', 'etcdserver: lease is provided'],
      ],
      [{ key: 'a' }, ['invalid_params', 'params.value is missing']],
      [{ key: '', value: '' }, ['empty_key', 'etcdserver: key is not provided']],
      [
        { key: 'a', value: '', lease: '9223372036854775808' },
        ['invalid_params', 'params.lease must be a 64-bit number'],
      ],
      [{ key: 'a', value: '', lease: '007' }, ['invalid_params', 'params.lease must be']],
      [{ key: 'a', value: '', lease: 7 }, ['invalid_params', 'params.lease must be']],
    ];
    for (const [params, expected] of cases) await refuses(door, 'kv.put', params, expected);
  });

  scenario(
    '[W-63] conditions look at every key of a range, or at an absent one',
    async ({ call }) => {
      await call('kv.put', { key: 'a/1', value: 'x' });
      await call('kv.put', { key: 'a/2', value: 'x' });
      const cases: [object, boolean][] = [
        [{ prefix: 'a/', target: 'value', operator: '=', operand: 'x' }, true],
        [{ prefix: 'a/', target: 'mod', operator: '>', operand: 2 }, false],
        [{ key: 'none', target: 'version', operator: '=', operand: 0 }, true],
        [{ key: 'none', target: 'value', operator: '!=', operand: 'x' }, false],
        [{ prefix: 'none', target: 'create', operator: '<', operand: 1 }, true],
        [{ key: 'a/1', target: 'lease', operator: '>', operand: '-1' }, true],
        [{ key: 'a/2', rangeEnd: 'a/1', target: 'version', operator: '=', operand: 0 }, true],
      ];
      for (const [compare, holds] of cases) {
        const { succeeded } = await call('kv.txn', { compare: [compare] });
        assert.equal(succeeded, holds, JSON.stringify(compare));
      }
    },
  );

  scenario(
    '[W-64] a transaction is one revision, decided on the state before it, all or nothing',
    async (door) => {
      const { call } = door;
      await call('kv.put', { key: 'a', value: '1' });
      const inner = {
        compare: [{ key: 'a', target: 'version', operator: '=', operand: 1 }],
        success: [{ range: { key: 'a' } }, { deleteRange: { key: 'z' } }],
      };
      const result = await call('kv.txn', {
        compare: [{ key: 'a', target: 'mod', operator: '=', operand: 2 }],
        success: [
          { range: { key: 'a' } },
          { put: { key: 'a', value: '2', prevKv: true } },
          { txn: inner },
        ],
      });
      assert.equal(result.succeeded, true);
      const [before, put, nested] = result.results;
      assert.deepEqual([before.range.revision, before.range.kvs[0].value], [2, '1']);
      assert.deepEqual([put.put.revision, put.put.prevKv.value], [3, '1']);
      assert.equal(nested.txn.succeeded, true, 'it sees the state before the transaction');
      assert.equal(nested.txn.results[0].range.kvs[0].value, '2', 'a read sees earlier writes');
      assert.deepEqual(nested.txn.results[1], { deleteRange: { revision: 3, deleted: 0 } });
      const refused = {
        success: [{ put: { key: 'b', value: '' } }, { range: { key: 'b', revision: 9 } }],
      };
      await refuses(door, 'kv.txn', refused, [
        'future_revision',
        'etcdserver: mvcc: required revision is a future revision',
      ]);
      assert.equal((await call('kv.range', { key: 'b' })).count, 0);
      assert.equal((await call('kv.range', { key: 'a' })).header.revision, 3);
    },
  );

  scenario(
    '[W-65] a transaction has 128 operations on its deepest path, and writes no key twice on one',
    async (door) => {
      const { call } = door;
      const put = (key: string) => ({ put: { key, value: '' } });
      const remove = (key: string, rangeEnd?: string) => ({
        deleteRange: { key, ...(rangeEnd === undefined ? {} : { rangeEnd }) },
      });
      const nested = (depth: number): object =>
        depth === 0 ? put('deep') : { txn: { success: [nested(depth - 1)] } };
      await call('kv.txn', { success: Array.from({ length: 128 }, (_, at) => put(`k${at}`)) });
      await call('kv.txn', { success: [nested(100)] });
      const tooMany = [
        'too_many_operations',
        'etcdserver: too many operations in txn request',
      ] as const;
      const ranges = Array.from({ length: 129 }, () => ({ range: { key: 'a' } }));
      await refuses(door, 'kv.txn', { failure: ranges }, tooMany);
      await refuses(door, 'kv.txn', { success: [nested(200)] }, tooMany);
      const duplicates = [
        [put('a'), put('a')],
        [put('a'), remove('a')],
        [remove('a', '\0'), put('b')],
        [{ txn: { success: [put('a')] } }, { txn: { failure: [put('a')] } }],
        [remove('a', 'c'), { txn: { success: [put('b')] } }],
      ];
      for (const success of duplicates) {
        await refuses(door, 'kv.txn', { success }, [
          'duplicate_key',
          'etcdserver: duplicate key given in txn request',
        ]);
      }
      const both = { txn: { success: [put('a')], failure: [put('a')] } };
      await call('kv.txn', { success: [both, remove('b')], failure: [put('a')] });
      await refuses(door, 'kv.txn', { success: [{}] }, [
        'invalid_params',
        'params.success[0] must have exactly one',
      ]);
      await refuses(door, 'kv.txn', { success: [{ put: { kee: 'a', value: '' } }] }, [
        'invalid_params',
        'params.success[0].put.kee is not a parameter',
      ]);
    },
  );

  scenario(
    '[W-66] the answer to a transaction that wrote loses its pairs when it is too large',
    async (door) => {
      const { call } = door;
      const value = 'x'.repeat(limits.requestBytesMax - 10);
      for (const key of ['a', 'b', 'c']) await call('kv.put', { key, value });
      const reads = [{ range: { prefix: '' } }];
      await refuses(door, 'kv.txn', { success: reads }, [
        'answer_too_large',
        'the answer has 3 keys',
      ]);
      const { results } = await call('kv.txn', {
        success: [...reads, { deleteRange: { prefix: '', prevKv: true } }],
      });
      assert.deepEqual(results[0].range, { revision: 4, kvs: [], more: true, count: 3 });
      assert.deepEqual(results[1].deleteRange, { revision: 5, deleted: 3, prevKvsOmitted: true });
    },
  );
});
