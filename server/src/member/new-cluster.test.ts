import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../core/command.ts';
import { encodeCommand } from '../core/command-codec.ts';
import { Machine } from '../core/machine.ts';
import type { ByteString } from '../core/mvcc/values.ts';
import { emptyMembership } from '../core/raft/membership.ts';
import type { Entry } from '../core/raft/types.ts';
import { applyWholeLog, NewClusterState, recordsOf, restoredIds } from './new-cluster.ts';

const list = [
  { name: 'a', address: 'a:1' },
  { name: 'b', address: 'b:1' },
];
const mark = { clusterId: '7', index: 9, term: 2, hash: 5, chunkBytes: 100, revisionBump: 10 };

function payloadOf(command: Command, sequence: number, once?: { clientId: string }): Uint8Array {
  const origin = { incarnation: 1, sequence };
  const numbered = once && { ...once, sequence: 1, ackedBelow: 1 };
  return encodeCommand(origin, command, numbered);
}

const put = (key: string, lease = '0'): Command => ({
  ...{ type: 'put', key: key as ByteString, value: 'v' as ByteString, lease },
  ...{ prevKv: false, ignoreValue: false, ignoreLease: false },
});

/** Three keys, one of them leased and one deleted; an alarm, a client with an answer, members. */
function oldMachine(): Machine {
  const machine = new Machine(recordsOf([{ name: 'old', address: 'old:1' }], ['1']));
  const commands: Command[] = [
    ...[put('a'), { type: 'leaseGrant', id: '77', ttl: 60 } as const, put('b', '77'), put('c')],
    { type: 'deleteRange', key: 'c' as ByteString, rangeEnd: '' as ByteString, prevKv: false },
    { type: 'raiseAlarm', memberId: '1', alarm: 'corrupt' },
  ];
  for (const [at, command] of commands.entries()) machine.apply(payloadOf(command, at), at + 2);
  const { reply } = machine.apply(payloadOf({ type: 'registerClient' }, 8), 8);
  assert(reply.type === 'registerClient');
  machine.apply(payloadOf(put('d'), 9, { clientId: reply.clientId }), 9);
  return machine;
}

function restored(revisionBump: number, keepsReplies = false): Machine {
  const state = new NewClusterState(recordsOf(list, ['11', '12']), { keepsReplies });
  for (const chunk of oldMachine().image().chunks()) state.push(chunk);
  return state.finish(revisionBump);
}

test('keys and leases come along, and what belonged to the old members does not', () => {
  const machine = restored(0);
  const all = { key: '\0' as ByteString, rangeEnd: '\0' as ByteString };
  const kvs = machine.store.liveInRange(all);
  assert.deepEqual(
    kvs.map(({ key, lease }) => [key, lease]),
    [
      ['a', '0'],
      ['b', '77'],
      ['d', '0'],
    ],
  );
  assert.deepEqual(machine.leases.keys('77'), ['b']);
  assert.deepEqual(
    machine.members.list().map(({ memberId, name }) => [memberId, name]),
    [
      ['11', 'a'],
      ['12', 'b'],
    ],
  );
  assert.deepEqual(machine.alarms.list(), []);
  assert.equal(machine.replies.view().length, 0);
  assert.equal(restored(0, true).replies.view().length, 1);
});

test('a bump of 0 keeps revision and history', () => {
  const { store } = restored(0);
  const old = oldMachine().store;
  assert.deepEqual([store.revision, store.compactRevision], [old.revision, 0]);
  assert.equal(store.events.length, old.events.length);
});

test('another raises the revision and compacts what was before it, in its image as well', () => {
  const machine = restored(1000);
  const { revision } = oldMachine().store;
  const { store } = machine;
  assert.deepEqual([store.revision, store.compactRevision], [revision + 1000, revision + 1000]);
  assert.equal(store.refusal(revision), 'compacted');
  assert.equal(store.refusal(revision + 999), 'compacted');
  assert.equal(store.refusal(revision + 1000), undefined);
  const again = Machine.restorer();
  for (const chunk of machine.image().chunks()) again.push(chunk);
  const copy = again.finish();
  assert.deepEqual([copy.hash(), copy.store.keys], [machine.hash(), 3]);
  assert.equal(copy.store.events.length, 0);
  machine.apply(payloadOf(put('e'), 20), 3);
  assert.equal(machine.store.get('e' as ByteString)?.modRevision, revision + 1001);
});

test('a revision beyond what a number can tell is refused', () => {
  assert.throws(
    () => restored(Number.MAX_SAFE_INTEGER),
    /revision \d+ cannot go up by \d+: at most/,
  );
});

test('the ids follow from the list, the token and the state, and from all of each', () => {
  const { clusterId, memberIds } = restoredIds(list, 't', mark);
  assert.deepEqual(restoredIds(list, 't', { ...mark }), { clusterId, memberIds });
  assert.equal(new Set([clusterId, ...memberIds]).size, 3);
  const others = [
    restoredIds(list.slice(1), 't', mark),
    restoredIds(list, 'u', mark),
    ...(['index', 'term', 'hash', 'chunkBytes', 'revisionBump'] as const).map((field) =>
      restoredIds(list, 't', { ...mark, [field]: mark[field] + 1 }),
    ),
    restoredIds(list, 't', { ...mark, clusterId: '8' }),
  ];
  assert.equal(new Set([clusterId, ...others.map((other) => other.clusterId)]).size, 9);
});

test('of a log all is kept, what was not known to be committed as well', () => {
  const machine = new Machine(recordsOf(list, ['11', '12']));
  const entryOf = (index: number, payload: Uint8Array): Entry => {
    return { index, term: 3, kind: 'command', payload };
  };
  const entries = [
    entryOf(2, payloadOf(put('a'), 1)),
    entryOf(3, new Uint8Array(0)),
    entryOf(4, payloadOf(put('b'), 2)),
  ];
  const snapshot = { index: 1, term: 1, membership: emptyMembership };
  const hardState = { term: 4, vote: '', commit: 2 };
  const end = applyWholeLog({ machine, raft: { snapshot, hardState, entries } });
  assert.deepEqual(end, { index: 4, term: 4, uncommitted: 2 });
  assert.equal(machine.store.keys, 2);
});
