import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Command } from '../core/command.ts';
import { LeaseTable } from '../core/lease/lease-table.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Outcome } from './proposals.ts';

interface Proposed {
  readonly command: Command;
  readonly done: (outcome: Outcome) => void;
}

let table: LeaseTable;
let keeper: LeaseKeeper;
let proposed: Proposed[];

beforeEach(() => {
  table = new LeaseTable();
  proposed = [];
  keeper = new LeaseKeeper((command, done) => proposed.push({ command, done }), table, 10);
});

/** Applies the oldest proposal, as a machine would. */
function apply(): Command {
  const { command, done } = proposed.shift() as Proposed;
  const ttls =
    command.type === 'leaseRenew' ? command.ids.map((id) => table.renew(id)?.ttl ?? 0) : [];
  if (command.type === 'leaseExpire') for (const mark of command.marks) table.expire(mark);
  const reply = { type: 'leaseRenew', ttls } as const;
  done({ ok: true, reply, revision: 1, term: 1 });
  return command;
}

function ticks(count: number, leads = true): void {
  for (let tick = 0; tick < count; tick++) keeper.tick(leads);
}

test('the first renewal leaves at once, those that come in the same tick leave together at the next', () => {
  for (const id of ['1', '2', '3']) table.grant({ id, ttl: 5 });
  const ttls: number[] = [];
  const renew = (id: string) => keeper.renew(id, (_error, ttl) => ttls.push(ttl));
  for (const id of ['1', '2', '3', '2', '9']) renew(id);
  assert.deepEqual(apply(), { type: 'leaseRenew', ids: ['1'] });
  assert.equal(proposed.length, 0);
  ticks(1);
  assert.deepEqual(apply(), { type: 'leaseRenew', ids: ['2', '3', '9'] });
  assert.deepEqual(ttls, [5, 5, 5, 5, 0], 'a lease that is not there has no time left');
});

test('a lease lives for all of its time and no longer, and a renewal starts it anew', () => {
  table.grant({ id: '1', ttl: 5 });
  ticks(30);
  keeper.renew('1', () => {});
  apply();
  ticks(50);
  assert.deepEqual(proposed, []);
  // The tick in which counting began may have been almost over.
  ticks(1);
  assert.equal(apply().type, 'leaseExpire');
  assert.equal(table.has('1'), false);
});

test('one that does not lead counts and proposes nothing, and proposes at once when it leads', () => {
  table.grant({ id: '1', ttl: 2 });
  ticks(100, false);
  assert.deepEqual(proposed, []);
  ticks(1);
  assert.equal(apply().type, 'leaseExpire');
});

test('a storm of expiries has one entry under way, and goes on as soon as it is applied', () => {
  for (let id = 1; id <= 600; id++) table.grant({ id: String(id), ttl: 2 });
  ticks(25);
  assert.equal(proposed.length, 1);
  apply();
  assert.equal(proposed.length, 1, 'the next one follows without a tick');
  while (proposed.length > 0) apply();
  assert.equal(table.size, 0);
});

test('an expiry that failed is proposed again', () => {
  table.grant({ id: '1', ttl: 2 });
  ticks(21);
  proposed.shift()?.done({ ok: false, code: 'leader_changed' });
  assert.deepEqual(proposed, []);
  ticks(1);
  assert.equal(apply().type, 'leaseExpire');
});

test('long leases are checkpointed, once in five minutes', () => {
  table.grant({ id: '1', ttl: 3_600 });
  ticks(5 * 60 * 10 + 20);
  const checkpoint = apply();
  assert.ok(checkpoint.type === 'leaseCheckpoint');
  const left = checkpoint.checkpoints[0]?.remaining ?? 0;
  assert.ok(left <= 3_300 && left > 3_290, `${left} seconds`);
  ticks(60);
  assert.deepEqual(proposed, []);
});
