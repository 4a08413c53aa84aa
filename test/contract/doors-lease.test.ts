import assert from 'node:assert/strict';
import { refuses, throughEveryDoor } from '../harness/every-door.ts';

throughEveryDoor((scenario) => {
  scenario(
    '[W-70] a lease has the time that was granted, and the id that was asked for',
    async (door) => {
      const { call } = door;
      for (const id of ['9223372036854775807', '-9223372036854775808', '-1']) {
        assert.equal((await call('lease.grant', { id, ttl: 30 })).id, id);
      }
      const chosen = await call('lease.grant', { ttl: 0 });
      assert.equal(chosen.ttl, 2, 'the floor');
      assert.match(chosen.id, /^[1-9]\d*$/);
      await refuses(door, 'lease.grant', { id: '-1', ttl: 5 }, [
        'lease_exists',
        'etcdserver: lease already exists',
      ]);
      await refuses(door, 'lease.grant', { ttl: 9_000_000_001 }, [
        'lease_ttl_too_large',
        'etcdserver: too large lease TTL',
      ]);
      await refuses(door, 'lease.grant', { ttl: -1 }, [
        'invalid_params',
        'params.ttl must be a whole number, 0 or greater',
      ]);
    },
  );

  scenario(
    '[W-71] a lease that is revoked takes its keys with it, at one revision',
    async (door) => {
      const { call } = door;
      await call('lease.grant', { id: '7', ttl: 30 });
      for (const key of ['a', 'b', 'c']) await call('kv.put', { key, value: '', lease: '7' });
      await call('kv.put', { key: 'c', value: 'kept' });
      const { header } = await call('lease.revoke', { id: '7' });
      assert.equal(header.revision, 6);
      const { kvs } = await call('kv.range', { prefix: '' });
      assert.deepEqual(
        kvs.map(({ key }: { key: string }) => key),
        ['c'],
      );
      const gone = ['lease_not_found', 'etcdserver: requested lease not found'] as const;
      await refuses(door, 'lease.revoke', { id: '7' }, gone);
      await refuses(door, 'lease.revoke', { id: '0' }, gone);
    },
  );

  scenario(
    '[W-72] of a lease that is not there, keepalive and time to live say so without an error',
    async ({ call, open }) => {
      await call('lease.grant', { id: '7', ttl: 30 });
      await call('kv.put', { key: 'b', value: '', lease: '7' });
      await call('kv.put', { key: 'a', value: '', lease: '7' });
      assert.equal((await call('lease.keepAlive', { id: '7' })).ttl, 30);
      const alive = await call('lease.timeToLive', { id: '7', keys: true });
      assert.deepEqual([alive.grantedTtl, alive.keys], [30, ['a', 'b']]);
      assert.deepEqual((await call('lease.list', {})).leases, [{ id: '7' }]);
      open.store.expire('7');
      assert.equal((await call('lease.keepAlive', { id: '7' })).ttl, 0);
      const dead = await call('lease.timeToLive', { id: '7', keys: true });
      assert.deepEqual([dead.ttl, dead.grantedTtl, dead.keys], [-1, 0, []]);
    },
  );

  scenario(
    '[W-75] a mutation that is sent again is answered as the first time and not run',
    async (door) => {
      const { call } = door;
      const { clientId } = await call('client.register', {});
      const once = { clientId, sequence: 1, ackedBelow: 0 };
      const put = { key: 'a', value: '1', prevKv: true, once };
      const first = await call('kv.put', put);
      await call('kv.put', { key: 'a', value: '2' });
      assert.deepEqual((await call('kv.put', put)).prevKv, first.prevKv);
      assert.equal((await call('kv.range', { key: 'a' })).kvs[0].value, '2');
      await refuses(door, 'kv.put', { ...put, once: { ...once, sequence: 0 } }, [
        'invalid_params',
        'params.once.sequence counts',
      ]);
      await refuses(door, 'kv.put', { ...put, once: { ...once, ackedBelow: 2 } }, [
        'invalid_params',
        'params.once.ackedBelow is 2',
      ]);
      const nested = { success: [{ put: { key: 'a', value: '', once } }] };
      await refuses(door, 'kv.txn', nested, [
        'invalid_params',
        'params.success[0].put.once is not a parameter',
      ]);
    },
  );

  scenario(
    '[W-76] a mutation whose answer is gone is refused and not run, and so is one of an unknown client',
    async (door) => {
      const { call, open } = door;
      const { clientId } = await call('client.register', {});
      const value = 'x'.repeat(20_000);
      const put = (sequence: number, ackedBelow: number) => ({
        key: 'a',
        value,
        prevKv: true,
        once: { clientId, sequence, ackedBelow },
      });
      await call('kv.put', put(1, 0));
      const large = put(2, 0);
      const { header } = await call('kv.put', large);
      const evicted = await refuses(door, 'kv.put', large, [
        'reply_evicted',
        'the request was run before',
      ]);
      assert.equal(evicted.data.revision, header.revision);
      await call('kv.put', put(3, 3));
      await refuses(door, 'kv.put', put(1, 0), ['reply_evicted', 'the request was run before']);
      assert.equal((await call('kv.range', { key: 'a' })).kvs[0].version, 3);
      open.store.forget(clientId);
      await refuses(door, 'kv.put', put(4, 0), ['client_expired', 'the cluster does not know']);
    },
  );

  scenario('[W-80] compacted history is gone, the state at it is not', async (door) => {
    const { call } = door;
    for (const value of ['1', '2', '3']) await call('kv.put', { key: 'a', value });
    await call('kv.compact', { revision: 3, physical: true });
    assert.equal((await call('kv.range', { key: 'a', revision: 3 })).kvs[0].value, '2');
    const compacted = [
      'compacted',
      'etcdserver: mvcc: required revision has been compacted',
    ] as const;
    const error = await refuses(door, 'kv.range', { key: 'a', revision: 2 }, compacted);
    assert.equal(error.data.compactRevision, 3);
    await refuses(door, 'kv.compact', { revision: 3 }, compacted);
    await refuses(door, 'kv.compact', { revision: 0 }, compacted);
    await refuses(door, 'kv.compact', { revision: 99 }, [
      'future_revision',
      'etcdserver: mvcc: required revision is a future revision',
    ]);
    await refuses(door, 'kv.compact', { revision: -1 }, [
      'invalid_params',
      'params.revision must be a whole number, 0 or greater; got -1',
    ]);
  });

  scenario(
    '[W-81] without space, puts and grants are refused until the alarm is gone',
    async (door) => {
      const { call, open } = door;
      await call('kv.put', { key: 'a', value: '' });
      open.store.raise({ memberId: '7', alarm: 'nospace' });
      const noSpace = ['no_space', 'etcdserver: mvcc: database space exceeded'] as const;
      await refuses(door, 'kv.put', { key: 'a', value: '1' }, noSpace);
      await refuses(door, 'lease.grant', { ttl: 5 }, noSpace);
      assert.equal((await call('kv.deleteRange', { key: 'a' })).deleted, 1);
      const alarm = { memberId: '7', alarm: 'nospace' };
      assert.deepEqual((await call('maintenance.alarms', {})).alarms, [alarm]);
      assert.deepEqual((await call('maintenance.status', {})).alarms, [alarm]);
      assert.deepEqual((await call('maintenance.disarm', { alarm: 'corrupt' })).alarms, []);
      assert.deepEqual((await call('maintenance.disarm', {})).alarms, [alarm]);
      await call('kv.put', { key: 'a', value: '1' });
      await refuses(door, 'maintenance.disarm', { alarm: 'fire' }, [
        'invalid_params',
        'params.alarm must be nospace or corrupt',
      ]);
    },
  );

  scenario('[W-83] a hash of history is of a revision that can be read', async (door) => {
    const { call } = door;
    for (const value of ['1', '2', '3']) await call('kv.put', { key: 'a', value });
    await call('kv.compact', { revision: 3 });
    const { header: _, ...hash } = await call('maintenance.hashKv', { revision: 3 });
    assert.deepEqual(hash, { hash: 8, hashRevision: 3, compactRevision: 3 });
    assert.equal((await call('maintenance.hashKv', {})).hashRevision, 4);
    await refuses(door, 'maintenance.hashKv', { revision: 2 }, [
      'compacted',
      'etcdserver: mvcc: required revision has been compacted',
    ]);
    await refuses(door, 'maintenance.hashKv', { revision: 99 }, [
      'future_revision',
      'etcdserver: mvcc: required revision is a future revision',
    ]);
  });

  scenario('[W-84] an alarm is raised by hand, and a defragmentation is answered', async (door) => {
    const { call } = door;
    const alarm = { memberId: '42', alarm: 'nospace' };
    assert.deepEqual((await call('maintenance.arm', alarm)).alarms, [alarm]);
    assert.deepEqual((await call('maintenance.alarms', {})).alarms, [alarm]);
    await refuses(door, 'maintenance.arm', { alarm: 'nospace' }, [
      'invalid_params',
      'params.memberId is missing',
    ]);
    assert.equal((await call('maintenance.defragment', {})).header.revision, 1);
  });

  scenario('[W-82] the hash says what it was taken at', async ({ call }) => {
    await call('kv.put', { key: 'a', value: '' });
    const { header, ...hash } = await call('maintenance.hash', {});
    assert.deepEqual(hash, {
      hash: 7,
      revision: header.revision,
      compactRevision: 0,
      appliedIndex: 1,
    });
  });
});
