import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthAction } from './auth/types.ts';
import { Random } from './base/random.ts';
import type { Command, Envelope } from './command.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { Machine } from './machine.ts';
import type { RangeRequest, TxnOperation, TxnRequest } from './mvcc/requests.ts';
import { type ByteString, emptyBytes, noLease } from './mvcc/values.ts';

const bytes = (text: string): ByteString => text as ByteString;
const range: RangeRequest = {
  key: bytes('a'),
  rangeEnd: bytes('\0'),
  limit: 0,
  revision: 0,
  keysOnly: false,
  countOnly: false,
  sortOrder: 'none',
  sortTarget: 'key',
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};
const put = (key: string, value: string, lease = noLease) =>
  ({
    type: 'put',
    key: bytes(key),
    value: bytes(value),
    lease,
    prevKv: true,
    ignoreValue: false,
    ignoreLease: false,
  }) as const;
const txn = (request: Partial<TxnRequest>): Command => ({
  type: 'txn',
  compares: [],
  success: [],
  failure: [],
  ...request,
});

/** A machine and the index of its log. */
class Rig {
  machine = new Machine([
    { memberId: '1', name: 'a', peerAddress: '', clientAddress: '', directoryId: '' },
    { memberId: '2', name: 'b', peerAddress: '', clientAddress: '', directoryId: '' },
    { memberId: '3', name: 'c', peerAddress: '', clientAddress: '', directoryId: '' },
  ]);
  index = 0;

  run(command: Command, once?: Envelope['once']) {
    this.index++;
    const origin = { incarnation: 7, sequence: this.index };
    return this.machine.apply(encodeCommand(origin, command, once), this.index);
  }

  restart(): void {
    const restorer = Machine.restorer();
    const image = this.machine.image();
    for (const chunk of image.chunks()) restorer.push(chunk);
    image.release();
    this.machine = restorer.finish();
  }
}

test('every command survives its encoding', () => {
  const operations: TxnOperation[] = [
    { type: 'range', request: { ...range, sortOrder: 'descend', sortTarget: 'mod', limit: 3 } },
    { type: 'put', request: { ...requestOf(put('k\xff', 'v')), ignoreLease: true } },
    { type: 'deleteRange', request: { key: bytes('d'), rangeEnd: bytes('e'), prevKv: true } },
  ];
  const once = { clientId: '-9223372036854775808', sequence: 2 ** 40, ackedBelow: 3 };
  const permitted = { key: bytes('\0'), rangeEnd: bytes('\xff') };
  const changes: AuthAction[] = [
    { action: 'authEnable', secret: 's' },
    { action: 'authDisable' },
    { action: 'userAdd', name: 'ü', passwordHash: '$2b$10$', noPassword: true },
    { action: 'userDelete', name: 'a' },
    { action: 'userChangePassword', name: 'a', passwordHash: '' },
    { action: 'userGrantRole', name: 'a', role: 'r' },
    { action: 'userRevokeRole', name: 'a', role: 'r' },
    { action: 'roleAdd', role: 'r' },
    { action: 'roleDelete', role: 'r' },
    { action: 'roleGrantPermission', role: 'r', permission: undefined },
    { action: 'roleGrantPermission', role: 'r', permission: { kind: 'readwrite', ...permitted } },
    { action: 'roleRevokePermission', role: 'r', range: permitted },
  ];
  const commands: Command[] = [
    put('a', '1', '-42'),
    { type: 'deleteRange', key: bytes('a'), rangeEnd: bytes('\0'), prevKv: true },
    txn({
      compares: [
        { key: bytes('a'), rangeEnd: emptyBytes, target: 'mod', operator: '!=', operand: 5 },
        {
          key: bytes('a'),
          rangeEnd: bytes('b'),
          target: 'value',
          operator: '<',
          operand: bytes('\0'),
        },
        { key: bytes('a'), rangeEnd: emptyBytes, target: 'lease', operator: '=', operand: '-1' },
      ],
      success: [
        ...operations,
        { type: 'txn', request: { compares: [], success: operations, failure: [] } },
      ],
      failure: operations,
    }),
    { type: 'compact', revision: 2 ** 50 },
    { type: 'leaseGrant', id: '9223372036854775807', ttl: 9_000_000_000 },
    { type: 'leaseRevoke', id: '-1' },
    { type: 'leaseRenew', ids: ['1', '2'] },
    { type: 'leaseExpire', marks: [{ id: '1', renewals: 4 }] },
    { type: 'leaseCheckpoint', checkpoints: [{ mark: { id: '1', renewals: 4 }, remaining: 9 }] },
    { type: 'registerClient' },
    { type: 'raiseAlarm', memberId: '1', alarm: 'corrupt' },
    { type: 'clearAlarm', memberId: '', alarm: '' },
    { type: 'hashCheck' },
    { type: 'hashReport', memberId: '1', check: 8, hash: 2 ** 32 - 1 },
    {
      type: 'register',
      memberId: '1',
      directoryId: 'd',
      name: 'n',
      clientAddress: 'c',
      peerAddress: 'p',
    },
    { type: 'raiseClusterVersion', version: 200 },
    ...changes.map((change) => ({ type: 'auth' as const, change })),
  ];
  const origin = { incarnation: 5, sequence: 6 };
  for (const command of commands) {
    for (const mark of [undefined, once]) {
      for (const asker of [undefined, { user: 'ada', authRevision: 2 ** 40 }]) {
        const bytes = encodeCommand(origin, command, mark, 2, asker);
        assert.deepEqual(decodeCommand(bytes), { origin, once: mark, asker, command });
      }
    }
  }
});

function requestOf({ type: _, ...request }: ReturnType<typeof put>) {
  return request;
}

test('a lease that is revoked takes its keys with it at one revision, and no others', () => {
  const rig = new Rig();
  rig.run({ type: 'leaseGrant', id: '7', ttl: 10 });
  for (const key of ['b', 'a', 'c']) rig.run(put(key, '1', '7'));
  rig.run(put('c', '2'));
  const { reply, events, revision } = rig.run({ type: 'leaseRevoke', id: '7' });
  assert.equal(reply.type, 'done');
  assert.deepEqual(
    events.map((kv) => [kv.key, kv.version, kv.modRevision]),
    [
      ['a', 0, revision],
      ['b', 0, revision],
    ],
  );
  assert.deepEqual(rig.run({ type: 'leaseRevoke', id: '7' }).reply, {
    type: 'refused',
    code: 'lease_not_found',
  });
  assert.deepEqual(rig.run(put('x', '1', '7')).reply, { type: 'refused', code: 'lease_not_found' });
});

test('an expiry that was proposed before a renewal does not end the lease', () => {
  const rig = new Rig();
  rig.run({ type: 'leaseGrant', id: '7', ttl: 10 });
  rig.run({ type: 'leaseGrant', id: '8', ttl: 10 });
  rig.run(put('a', '1', '7'));
  rig.run(put('b', '1', '8'));
  const marks = rig.machine.leases.list();
  assert.deepEqual(rig.run({ type: 'leaseRenew', ids: ['7', '9'] }).reply, {
    type: 'leaseRenew',
    ttls: [10, 0],
  });
  const { events } = rig.run({ type: 'leaseExpire', marks });
  assert.deepEqual(
    events.map(({ key }) => key),
    ['b'],
  );
  assert.ok(rig.machine.leases.has('7'));
});

test('leases that expire together write one revision each', () => {
  const rig = new Rig();
  for (const id of ['1', '2', '3']) {
    rig.run({ type: 'leaseGrant', id, ttl: 10 });
    if (id !== '2') rig.run(put(`of-${id}`, '1', id));
  }
  const before = rig.machine.store.revision;
  const { events } = rig.run({ type: 'leaseExpire', marks: rig.machine.leases.list() });
  assert.deepEqual(
    events.map(({ key, modRevision }) => [key, modRevision]),
    [
      ['of-1', before + 1],
      ['of-3', before + 2],
    ],
  );
});

test('a mutation that comes again is answered as the first time and runs once, after a restart too', () => {
  const rig = new Rig();
  const { reply } = rig.run({ type: 'registerClient' });
  assert.ok(reply.type === 'registerClient');
  const once = { clientId: reply.clientId, sequence: 1, ackedBelow: 0 };
  rig.run(put('a', '0'));
  const first = rig.run(put('a', '1'), once);
  rig.run(put('a', '2'));
  rig.restart();
  const again = rig.run(put('a', '1'), once);
  assert.deepEqual([again.reply, again.revision, again.events], [first.reply, first.revision, []]);
  assert.equal(rig.machine.store.get(bytes('a'))?.value, '2');
  const later = { ...once, sequence: 2, ackedBelow: 2 };
  rig.run(put('b', '1'), later);
  assert.deepEqual(rig.run(put('a', '1'), once).reply, {
    type: 'refused',
    code: 'reply_evicted',
    revision: undefined,
  });
  const stranger = { ...once, clientId: '12345' };
  assert.deepEqual(rig.run(put('a', '1'), stranger).reply, {
    type: 'refused',
    code: 'client_expired',
    revision: undefined,
  });
});

test('while there is no space only what needs none is run', () => {
  const rig = new Rig();
  rig.run(put('a', '1'));
  rig.run({ type: 'raiseAlarm', memberId: '1', alarm: 'nospace' });
  const nested = txn({
    failure: [
      {
        type: 'txn',
        request: {
          compares: [],
          failure: [],
          success: [{ type: 'put', request: requestOf(put('a', '2')) }],
        },
      },
    ],
  });
  for (const command of [put('a', '2'), nested, { type: 'leaseGrant', id: '1', ttl: 5 } as const]) {
    assert.deepEqual(rig.run(command).reply, { type: 'refused', code: 'no_space' });
  }
  assert.equal(
    rig.run({ type: 'deleteRange', key: bytes('a'), rangeEnd: emptyBytes, prevKv: false }).events
      .length,
    1,
  );
  rig.run({ type: 'clearAlarm', memberId: '', alarm: 'nospace' });
  assert.equal(rig.run(put('a', '2')).reply.type, 'put');
});

test('the member whose state differs from the others is found, and only that one', () => {
  const rig = new Rig();
  rig.run({ type: 'hashCheck' });
  const check = rig.index;
  const report = (memberId: string, hash: number, at = check) =>
    rig.run({ type: 'hashReport', memberId, check: at, hash });
  report('1', 5);
  report('2', 6);
  assert.deepEqual(rig.machine.alarms.list(), [], 'one against one says nothing');
  report('2', 7, check - 1);
  rig.restart();
  report('3', 5);
  assert.deepEqual(rig.machine.alarms.list(), [{ memberId: '2', alarm: 'corrupt' }]);
});

test('a transaction that is refused leaves nothing behind, whatever stood before it', () => {
  const rig = new Rig();
  rig.run(put('a', '1'));
  const { revision } = rig.machine.store;
  const success: TxnOperation[] = [
    { type: 'put', request: requestOf(put('b', '1')) },
    { type: 'range', request: { ...range, revision: revision + 1 } },
  ];
  const refused = rig.run(txn({ success }));
  assert.deepEqual(refused.reply, { type: 'refused', code: 'future_revision' });
  assert.equal(refused.events.length, 0);
  assert.equal(rig.machine.store.revision, revision);
  assert.equal(rig.machine.store.get(bytes('b')), undefined);
});

test('a restored machine is the same in every table, whatever was done to it', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const [kept, restarted] = [new Rig(), new Rig()];
    const clients: string[] = [];
    for (let step = 0; step < 80; step++) {
      const command = randomCommand(random, kept);
      const clientId = clients.length > 0 && random.oneIn(2) ? random.pick(clients) : undefined;
      const sequence = 1 + random.below(20);
      const once =
        clientId === undefined
          ? undefined
          : { clientId, sequence, ackedBelow: sequence - random.below(sequence) };
      const one = kept.run(command, once);
      assert.deepEqual(restarted.run(command, once), one, `seed ${seed} step ${step}`);
      if (one.reply.type === 'registerClient') clients.push(one.reply.clientId);
      if (random.oneIn(3)) kept.machine.store.sweep(random.below(10));
      if (random.oneIn(8)) restarted.restart();
      assert.equal(restarted.machine.hash(), kept.machine.hash(), `seed ${seed} step ${step}`);
    }
    for (const { id } of kept.machine.leases.list()) {
      assert.deepEqual(restarted.machine.leases.keys(id), kept.machine.leases.keys(id));
    }
  }
});

function randomCommand(random: Random, rig: Rig): Command {
  const key = random.pick(['a', 'b', 'c']);
  const lease = random.pick(['0', '1', '2', '-3']);
  const at = { key: bytes(key), rangeEnd: random.pick([emptyBytes, bytes('c'), bytes('\0')]) };
  const requestPut = {
    ...requestOf(put(key, String(random.below(9)), lease)),
    ignoreValue: random.oneIn(5),
  };
  switch (random.below(10)) {
    case 0:
      return { type: 'deleteRange', ...at, prevKv: true };
    case 1:
      return { type: 'leaseGrant', id: lease, ttl: 5 };
    case 2:
      return { type: 'leaseRevoke', id: lease };
    case 3:
      return { type: 'leaseExpire', marks: rig.machine.leases.list().slice(0, 2) };
    case 4:
      return { type: 'leaseRenew', ids: [lease] };
    case 5:
      return { type: 'compact', revision: random.below(rig.machine.store.revision + 2) };
    case 6:
      return { type: 'registerClient' };
    case 7:
      return txn({
        compares: [{ ...at, target: 'version', operator: '>', operand: random.below(3) }],
        success: [
          { type: 'range', request: { ...range, ...at } },
          { type: 'put', request: requestPut },
        ],
        failure: [{ type: 'deleteRange', request: { ...at, prevKv: true } }],
      });
    default:
      return { type: 'put', ...requestPut };
  }
}
