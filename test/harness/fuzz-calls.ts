import type { MethodName, ParamsOf } from '@lockstep/client/protocol';

type Samples = { readonly [Name in MethodName]: readonly ParamsOf<Name>[] };

/** Well-formed params of every method, with every field in one of them at least. */
export const samples: Samples = {
  'kv.range': [
    { key: 'a' },
    { prefix: '', limit: 2, sortOrder: 'descend', sortTarget: 'mod', minModRevision: 1 },
    { key: 'a', rangeEnd: 'z', revision: 1, serializable: true, keysOnly: true },
    { key: { base64: '/w==' }, countOnly: true, minRevision: 1, maxModRevision: 9 },
    { prefix: 'a', minCreateRevision: 1, maxCreateRevision: 9 },
  ],
  'kv.put': [
    { key: 'a', value: '1' },
    { key: 'b', value: { base64: '/w==' }, lease: '7', prevKv: true },
    { key: 'a', ignoreValue: true, ignoreLease: true },
    { key: 'c', value: '2', once: { clientId: '1', sequence: 1, ackedBelow: 1 } },
  ],
  'kv.deleteRange': [
    { prefix: 'a', prevKv: true },
    { key: 'b', rangeEnd: 'c' },
  ],
  'kv.scan': [
    { prefix: '', limit: 1, keysOnly: true },
    { key: 'a', rangeEnd: '\0', after: 'a' },
  ],
  'kv.txn': [
    {
      compare: [
        { key: 'a', target: 'version', operator: '>', operand: 0 },
        { prefix: 'b', target: 'value', operator: '!=', operand: 'x' },
        { key: 'a', rangeEnd: 'z', target: 'lease', operator: '=', operand: '7' },
      ],
      success: [
        { put: { key: 'a', value: '3', prevKv: true } },
        { range: { prefix: '', sortTarget: 'value', sortOrder: 'ascend' } },
        { txn: { success: [{ deleteRange: { key: 'd', prevKv: true } }], failure: [] } },
      ],
      failure: [{ deleteRange: { prefix: 'e' } }, { put: { key: 'f', value: '' } }],
      once: { clientId: '1', sequence: 2, ackedBelow: 1 },
    },
  ],
  'kv.compact': [{ revision: 2 }, { revision: 3, physical: true }],
  'lease.grant': [{ ttl: 60, id: '7' }, { ttl: 2 }],
  'lease.revoke': [{ id: '7' }],
  'lease.keepAlive': [{ id: '7' }],
  'lease.timeToLive': [{ id: '7', keys: true }],
  'lease.list': [{}],
  'client.register': [{}],
  'watch.create': [
    { prefix: '', startRevision: 1, watchId: 5, prevKv: true, fragment: true },
    { ranges: [{ key: 'a' }, { key: 'b', rangeEnd: 'c' }, { prefix: 'd' }], credits: 1 },
    { key: 'a', noPut: true, noDelete: true, keysOnly: true, progressNotify: true, minRevision: 1 },
  ],
  'watch.cancel': [{ watchId: 5 }],
  'watch.credit': [{ watchId: 5, credits: 2 }],
  'watch.progress': [{}],
  'cluster.members': [{}, { linearizable: true }],
  'cluster.memberAdd': [{ peerAddress: '10.0.0.4:2380', learner: true }, { peerAddress: 'x' }],
  'cluster.memberRemove': [{ memberId: '42' }],
  'cluster.memberUpdate': [{ memberId: '42', peerAddress: '10.0.0.4:2380' }],
  'cluster.memberPromote': [{ memberId: '42' }],
  'cluster.memberReplace': [{ memberId: '42', peerAddress: '[::1]:2380' }],
  'maintenance.status': [{}],
  'maintenance.moveLeader': [{ targetId: '42' }],
  'maintenance.alarms': [{}],
  'maintenance.disarm': [{ memberId: '42', alarm: 'nospace' }, {}],
  'maintenance.arm': [{ memberId: '42', alarm: 'nospace' }],
  'maintenance.hash': [{}],
  'maintenance.hashKv': [{}, { revision: 1 }],
  'maintenance.defragment': [{}],
  'auth.status': [{}],
  'auth.enable': [{}],
  'auth.disable': [{}],
  'auth.login': [{ name: 'ada', password: 'p' }, { token: 't' }],
  'auth.userAdd': [
    { name: 'ada', password: 'p' },
    { name: 'bob', noPassword: true },
  ],
  'auth.userDelete': [{ name: 'bob' }],
  'auth.userChangePassword': [{ name: 'ada', password: 'q' }],
  'auth.userGrantRole': [{ name: 'ada', role: 'ops' }],
  'auth.userRevokeRole': [{ name: 'ada', role: 'ops' }],
  'auth.userGet': [{ name: 'ada' }],
  'auth.userList': [{}],
  'auth.roleAdd': [{ role: 'ops' }],
  'auth.roleDelete': [{ role: 'dev' }],
  'auth.roleGrantPermission': [
    { role: 'ops', permission: 'read', key: 'a', rangeEnd: 'c' },
    { role: 'ops', permission: 'readwrite', prefix: 'b/' },
  ],
  'auth.roleRevokePermission': [{ role: 'ops', key: 'a', rangeEnd: 'c' }],
  'auth.roleGet': [{ role: 'ops' }],
  'auth.roleList': [{}],
};

export interface SampleCall {
  readonly method: MethodName;
  readonly params: object;
}

export const sampleCalls: readonly SampleCall[] = Object.entries(samples).flatMap(
  ([method, list]) => list.map((params: object) => ({ method: method as MethodName, params })),
);
