import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createService } from '../../server/src/service/service.ts';
import { refuses, throughEveryDoor } from '../harness/every-door.ts';
import { MemoryStore } from '../harness/memory-store.ts';

const peerAddress = '10.0.0.4:2380';

throughEveryDoor((scenario) => {
  scenario(
    '[W-90] [W-91] the members are told at once or as of now, and a change answers with all of them',
    async ({ call, open }) => {
      assert.equal((await call('cluster.members', {})).members.length, 1);
      assert.equal((await call('cluster.members', { linearizable: true })).members[0].name, 'a');
      const added = await call('cluster.memberAdd', { peerAddress });
      assert.deepEqual(added.member, {
        ...{ memberId: '8', name: '', clientAddress: '', peerAddress, isLearner: true },
        promotes: true,
      });
      assert.equal(added.members.length, 2);
      const learner = await call('cluster.memberAdd', { peerAddress, learner: true });
      assert.equal(learner.member.promotes, undefined);
      const replaced = await call('cluster.memberReplace', { memberId: '7', peerAddress });
      assert.equal(replaced.member.replaces, '7');
      const moved = await call('cluster.memberUpdate', { memberId: '7', peerAddress });
      assert.equal(moved.members[0].peerAddress, peerAddress);
      open.store.hasLeader = false;
      assert.equal((await call('cluster.members', {})).members.length, 1);
    },
  );

  scenario('[W-94] what is refused has the texts of etcd', async (door) => {
    const unknown = ['member_not_found', 'etcdserver: member not found'] as const;
    await refuses(door, 'cluster.memberRemove', { memberId: '9' }, unknown);
    await refuses(door, 'cluster.memberPromote', { memberId: '9' }, unknown);
    await refuses(door, 'cluster.memberUpdate', { memberId: '9', peerAddress }, unknown);
    await refuses(door, 'cluster.memberPromote', { memberId: '7' }, [
      'not_a_learner',
      'etcdserver: can only promote a learner member',
    ]);
    await refuses(door, 'cluster.memberRemove', { memberId: '7' }, [
      'not_enough_started_members',
      'etcdserver: re-configuration failed due to not enough started members',
    ]);
    for (const bad of [
      '',
      'd',
      'd:0',
      ':1',
      '0.0.0.0:2380',
      '[::]:2380',
      'http://d:1',
      'a:1,b:1',
    ]) {
      await refuses(door, 'cluster.memberAdd', { peerAddress: bad }, [
        'invalid_peer_address',
        `etcdserver: given member URLs are invalid; ${JSON.stringify(bad)} is not host:port`,
      ]);
    }
    await refuses(door, 'cluster.memberAdd', {}, [
      'invalid_params',
      'params.peerAddress is missing: cluster.memberAdd needs host:port',
    ]);
    await refuses(door, 'cluster.memberAdd', { peerAddress: 7 }, [
      'invalid_params',
      'params.peerAddress must be host:port',
    ]);
  });
});

test('only who administers may change the members', async () => {
  const store = new MemoryStore();
  const service = createService({ store, version: '0' });
  const caller = {
    name: 'writer',
    permits: ({ action }: { action: string }) => action !== 'administer',
  };
  const denied = { code: 'permission_denied' };
  const memberId = '7';
  for (const call of [
    async () => service.call('cluster.memberAdd', { peerAddress }, { caller }),
    async () => service.call('cluster.memberRemove', { memberId }, { caller }),
    async () => service.call('cluster.memberUpdate', { memberId, peerAddress }, { caller }),
    async () => service.call('cluster.memberPromote', { memberId }, { caller }),
    async () => service.call('cluster.memberReplace', { memberId, peerAddress }, { caller }),
  ]) {
    await assert.rejects(call, denied);
  }
  assert.equal(store.calls, 0, 'the store was not asked');
  await service.call('cluster.members', { linearizable: true }, { caller });
});
