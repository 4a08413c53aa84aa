import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LeaseTable } from './lease-table.ts';
import type { ByteString, LeaseId, LeaseObserver, LeaseRecord } from './types.ts';

const bytes = (text: string) => text as ByteString;

class Observations implements LeaseObserver {
  readonly seen: string[] = [];

  counts({ id, renewals }: LeaseRecord, seconds: number): void {
    this.seen.push(`${id} renewed ${renewals} counts ${seconds}`);
  }

  gone(id: LeaseId): void {
    this.seen.push(`${id} gone`);
  }
}

describe('a lease', () => {
  test('is granted once under an id', () => {
    const table = new LeaseTable();
    const granted = { id: '7', ttl: 10, remaining: 0, renewals: 0 };
    assert.deepEqual(table.grant({ id: '7', ttl: 10 }), granted);
    assert.equal(table.grant({ id: '7', ttl: 99 }), undefined);
    assert.deepEqual(table.get('7'), granted);
    assert.deepEqual([table.has('7'), table.has('8'), table.size], [true, false, 1]);
  });

  test('that is not there is neither revoked nor renewed nor expired nor checkpointed', () => {
    const table = new LeaseTable();
    const mark = { id: '7', renewals: 0 };
    assert.equal(table.revoke('7'), undefined);
    assert.equal(table.renew('7'), undefined);
    assert.equal(table.expire(mark), undefined);
    assert.equal(table.checkpoint(mark, 5), false);
    assert.equal(table.size, 0);
  });

  test('is listed in the order of the ids as text', () => {
    const table = new LeaseTable();
    for (const id of ['9', '10', '-3', '100']) table.grant({ id, ttl: 10 });
    assert.deepEqual(
      table.list().map(({ id }) => id),
      ['-3', '10', '100', '9'],
    );
  });

  test('that was renewed is not expired by an older mark', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 10 });
    const mark = { id: '7', renewals: 0 };
    assert.equal(table.renew('7')?.renewals, 1);
    assert.equal(table.expire(mark), undefined);
    assert(table.has('7'));
    assert.deepEqual(table.expire({ id: '7', renewals: 1 }), []);
    assert(!table.has('7'));
  });

  test('that was granted again is not expired by a mark of the one before, if its count begins later', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 10, renewals: 40 });
    table.revoke('7');
    table.grant({ id: '7', ttl: 10, renewals: 43 });
    assert.equal(table.expire({ id: '7', renewals: 40 }), undefined);
    assert.deepEqual(table.expire({ id: '7', renewals: 43 }), []);
  });

  test('remembers what a checkpoint says until it is renewed', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 1_000 });
    const before = table.get('7');
    assert(table.checkpoint({ id: '7', renewals: 0 }, 600));
    assert.equal(table.get('7')?.remaining, 600);
    assert.equal(before?.remaining, 0, 'records are immutable');
    table.renew('7');
    assert.equal(table.get('7')?.remaining, 0);
    assert(!table.checkpoint({ id: '7', renewals: 0 }, 300));
    assert.equal(table.get('7')?.remaining, 0);
  });
});

describe('the keys of a lease', () => {
  test('are sorted by their bytes, and each is there once', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 10 });
    for (const key of ['b', 'b', 'a', '\xff', 'a', 'B']) table.attach('7', bytes(key));
    assert.deepEqual(table.keys('7'), ['B', 'a', 'b', '\xff']);
    assert.deepEqual(table.keys('8'), []);
  });

  test('stay when one that it does not have is detached', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 10 });
    table.attach('7', bytes('a'));
    table.detach('7', bytes('b'));
    assert.deepEqual(table.keys('7'), ['a']);
    table.attach('7', bytes('b'));
    table.detach('7', bytes('c'));
    table.detach('7', bytes('a'));
    assert.deepEqual(table.keys('7'), ['b']);
    table.detach('7', bytes('b'));
    assert.deepEqual(table.keys('7'), []);
  });

  test('are what revoking answers, and detaching them afterwards changes nothing', () => {
    const table = new LeaseTable();
    table.grant({ id: '7', ttl: 10 });
    table.attach('7', bytes('b'));
    table.attach('7', bytes('a'));
    assert.deepEqual(table.revoke('7'), ['a', 'b']);
    table.detach('7', bytes('a'));
    table.detach('7', bytes('b'));
    table.grant({ id: '7', ttl: 10 });
    assert.deepEqual(table.keys('7'), []);
  });

  test('may come before the lease when a snapshot is restored', () => {
    const table = new LeaseTable();
    table.attach('7', bytes('a'));
    assert.equal(table.size, 0);
    table.restore({ id: '7', ttl: 10, remaining: 4, renewals: 2 });
    assert.deepEqual(table.keys('7'), ['a']);
    assert.deepEqual(table.list(), [{ id: '7', ttl: 10, remaining: 4, renewals: 2 }]);
  });
});

describe('an observer', () => {
  test('is told of what is there, and then of every change that a clock must follow', () => {
    const table = new LeaseTable();
    table.grant({ id: '2', ttl: 20 });
    table.grant({ id: '1', ttl: 10 });
    table.renew('1');
    table.checkpoint({ id: '1', renewals: 1 }, 4);
    const observer = new Observations();
    table.observe(observer);
    assert.deepEqual(observer.seen.splice(0), ['1 renewed 1 counts 4', '2 renewed 0 counts 20']);
    table.renew('1');
    table.grant({ id: '3', ttl: 30 });
    table.revoke('2');
    table.expire({ id: '3', renewals: 0 });
    assert.deepEqual(observer.seen, [
      '1 renewed 2 counts 10',
      '3 renewed 0 counts 30',
      '2 gone',
      '3 gone',
    ]);
  });

  test('is not told of a checkpoint, nor of what was refused', () => {
    const table = new LeaseTable();
    table.grant({ id: '1', ttl: 10 });
    const observer = new Observations();
    table.observe(observer);
    observer.seen.length = 0;
    table.checkpoint({ id: '1', renewals: 0 }, 4);
    table.grant({ id: '1', ttl: 99 });
    table.revoke('2');
    table.renew('2');
    table.expire({ id: '1', renewals: 1 });
    assert.deepEqual(observer.seen, []);
  });
});

/** What the table should be, from two plain maps. */
class DumbTable {
  readonly records = new Map<LeaseId, LeaseRecord>();
  readonly keys = new Map<LeaseId, Set<ByteString>>();

  list(): LeaseRecord[] {
    return [...this.records.values()].sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  remove(id: LeaseId): ByteString[] | undefined {
    if (!this.records.delete(id)) return undefined;
    const keys = this.keysOf(id);
    this.keys.delete(id);
    return keys;
  }

  keysOf(id: LeaseId): ByteString[] {
    return [...(this.keys.get(id) ?? [])].sort();
  }
}

const someId = fc.integer({ min: -60, max: 60 }).map(String);
const someKey = fc.constantFrom('a', 'b', 'c', 'd').map(bytes);
const someChange = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('grant' as const), id: someId }) },
  fc.record({ type: fc.constant('revoke' as const), id: someId }),
  fc.record({ type: fc.constant('renew' as const), id: someId }),
  fc.record({ type: fc.constant('expire' as const), id: someId, renewals: fc.nat(2) }),
  fc.record({ type: fc.constant('checkpoint' as const), id: someId, renewals: fc.nat(2) }),
  fc.record({ type: fc.constant('attach' as const), id: someId, key: someKey }),
  fc.record({ type: fc.constant('detach' as const), id: someId, key: someKey }),
  fc.record({ type: fc.constant('view' as const) }),
);

test('the table is what two plain maps say, and every view stays as it was', () => {
  fc.assert(
    fc.property(fc.array(someChange, { minLength: 50, maxLength: 400 }), (changes) => {
      const table = new LeaseTable();
      const dumb = new DumbTable();
      const views: { records: readonly LeaseRecord[]; view: ReturnType<LeaseTable['view']> }[] = [];
      for (const change of changes) {
        if (change.type === 'view') {
          views.push({ records: dumb.list(), view: table.view() });
          continue;
        }
        const { id } = change;
        const record = dumb.records.get(id);
        const marked = 'renewals' in change && change.renewals === record?.renewals;
        switch (change.type) {
          case 'grant': {
            const granted = { id, ttl: 5, remaining: 0, renewals: 0 };
            assert.deepEqual(table.grant({ id, ttl: 5 }), record ? undefined : granted);
            if (record === undefined) dumb.records.set(id, granted);
            break;
          }
          case 'revoke':
            assert.deepEqual(table.revoke(id), dumb.remove(id));
            break;
          case 'renew': {
            const renewed = record && { ...record, remaining: 0, renewals: record.renewals + 1 };
            assert.deepEqual(table.renew(id), renewed);
            if (renewed !== undefined) dumb.records.set(id, renewed);
            break;
          }
          case 'expire':
            assert.deepEqual(table.expire(change), marked ? dumb.remove(id) : undefined);
            break;
          case 'checkpoint':
            assert.equal(table.checkpoint(change, 3), marked);
            if (record && marked) dumb.records.set(id, { ...record, remaining: 3 });
            break;
          case 'attach':
            if (record === undefined) break;
            table.attach(id, change.key);
            dumb.keys.set(id, new Set(dumb.keys.get(id)).add(change.key));
            break;
          case 'detach':
            table.detach(id, change.key);
            dumb.keys.get(id)?.delete(change.key);
            break;
        }
        assert.deepEqual(table.keys(id), dumb.keysOf(id));
        assert.equal(table.has(id), dumb.records.has(id));
      }
      assert.deepEqual(table.list(), dumb.list());
      assert.equal(table.size, dumb.records.size);
      for (const { view, records } of views) {
        assert.deepEqual([...view.records()], records);
        assert.deepEqual([...view.records()], records, 'a second walk');
        assert.equal(view.size, records.length);
      }
    }),
  );
});

test('a table that is restored from a view is the same', () => {
  const table = new LeaseTable();
  for (let at = 0; at < 100; at++) {
    table.grant({ id: `${at * 37}`, ttl: 1_000 + at });
    if (at % 3 === 0) table.renew(`${at * 37}`);
    if (at % 2 === 0)
      table.checkpoint({ id: `${at * 37}`, renewals: at % 3 === 0 ? 1 : 0 }, at + 1);
  }
  const restored = new LeaseTable();
  for (const record of table.view().records()) restored.restore(record);
  assert.deepEqual(restored.list(), table.list());
  const [before, after] = [new Observations(), new Observations()];
  table.observe(before);
  restored.observe(after);
  assert.deepEqual(after.seen, before.seen);
});
