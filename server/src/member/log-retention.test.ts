import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membershipOf } from '../core/raft/membership.ts';
import { Raft } from '../core/raft/raft.ts';
import { retainFrom } from './log-retention.ts';

/** A sole voter that has committed and handed out `count` entries of `bytes` bytes. */
function raftWith(count: number, bytes: number): Raft {
  const raft = new Raft(
    {
      id: '1',
      seed: 1,
      electionTicks: 10,
      heartbeatTicks: 1,
      preVote: true,
      checkQuorum: true,
      inflightMessagesMax: 8,
      inflightBytesMax: 1 << 20,
      messageBytesMax: 1 << 20,
      commitBytesMax: 1 << 30,
      uncommittedBytesMax: 1 << 30,
    },
    {
      hardState: { term: 1, vote: '', commit: 1 },
      snapshot: { index: 1, term: 1, membership: membershipOf(['1']) },
      entries: [],
    },
  );
  const run = (): void => {
    for (let ready = raft.take(); ready !== undefined; ready = raft.take()) {
      if (ready.write !== undefined) raft.persisted(ready.write.batch);
    }
  };
  raft.campaign();
  run();
  for (let at = 0; at < count; at++) {
    raft.propose([new Uint8Array(bytes)], at + 1);
    run();
  }
  return raft;
}

test('small entries are kept by number', () => {
  const raft = raftWith(200, 10);
  assert.equal(retainFrom(raft, raft.committed, { entries: 100, bytes: 1 << 20 }), 103);
});

test('large entries are kept by size, however few that leaves', () => {
  const raft = raftWith(200, 10_000);
  const from = retainFrom(raft, raft.committed, { entries: 1_000, bytes: 100_000 });
  assert(from !== undefined);
  raft.compact(from - 1);
  assert(raft.logBytes <= 100_000, `${raft.logBytes} bytes are left`);
  assert(raft.lastIndex - raft.firstIndex < 10);
});

test('nothing is cut before a tenth of the bound has gathered', () => {
  const raft = raftWith(105, 10);
  assert.equal(retainFrom(raft, raft.committed, { entries: 100, bytes: 1 << 20 }), undefined);
});
