import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlarmTable } from './alarm-table.ts';

/** Three alarms of two members, raised out of order. */
function tableOfThree(): AlarmTable {
  const table = new AlarmTable();
  table.raise({ memberId: '2', alarm: 'corrupt' });
  table.raise({ memberId: '10', alarm: 'nospace' });
  table.raise({ memberId: '10', alarm: 'corrupt' });
  return table;
}

const names = (alarms: readonly { memberId: string; alarm: string }[]) =>
  alarms.map(({ memberId, alarm }) => `${memberId} ${alarm}`);

test('alarms are listed by member and then by kind, both as text', () => {
  assert.deepEqual(names(tableOfThree().list()), ['10 corrupt', '10 nospace', '2 corrupt']);
});

test('an alarm is raised once', () => {
  const table = tableOfThree();
  assert.equal(table.raise({ memberId: '2', alarm: 'corrupt' }), false);
  assert.equal(table.list().length, 3);
  assert.equal(table.raise({ memberId: '2', alarm: 'nospace' }), true);
  assert.equal(table.list().length, 4);
});

test('clearing answers what was cleared, where nothing given stands for all', () => {
  const cases: [which: Parameters<AlarmTable['clear']>[0], cleared: string[], left: string[]][] = [
    [{}, ['10 corrupt', '10 nospace', '2 corrupt'], []],
    [{ memberId: '10' }, ['10 corrupt', '10 nospace'], ['2 corrupt']],
    [{ alarm: 'corrupt', memberId: undefined }, ['10 corrupt', '2 corrupt'], ['10 nospace']],
    [{ memberId: '2', alarm: 'corrupt' }, ['2 corrupt'], ['10 corrupt', '10 nospace']],
    [{ memberId: '2', alarm: 'nospace' }, [], ['10 corrupt', '10 nospace', '2 corrupt']],
  ];
  for (const [which, cleared, left] of cases) {
    const table = tableOfThree();
    assert.deepEqual(names(table.clear(which)), cleared);
    assert.deepEqual(names(table.list()), left);
  }
});

test('an alarm is found by its kind, and by its member and kind', () => {
  const table = tableOfThree();
  assert(table.has('nospace'));
  assert(table.hasFor('10', 'nospace'));
  assert(!table.hasFor('2', 'nospace'));
  table.clear({ memberId: '10' });
  assert(!table.has('nospace'));
  assert(table.has('corrupt'));
});

test('a list does not change afterwards', () => {
  const table = tableOfThree();
  const before = table.list();
  table.raise({ memberId: '3', alarm: 'nospace' });
  table.clear({ memberId: '10' });
  assert.deepEqual(names(before), ['10 corrupt', '10 nospace', '2 corrupt']);
});

test('restoring takes the place of what was there', () => {
  const table = tableOfThree();
  table.restore([
    { memberId: '5', alarm: 'nospace' },
    { memberId: '4', alarm: 'nospace' },
  ]);
  assert.deepEqual(names(table.list()), ['4 nospace', '5 nospace']);
});
