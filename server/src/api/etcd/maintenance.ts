import type { AlarmKind } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import { AlarmRequest_AlarmAction as Action, AlarmType, type Maintenance } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';
import { apiVersion, storageVersion } from './version.ts';

/** etcd's Maintenance service. */
export function maintenanceHandlers(calls: StoreCalls): Handlers<typeof Maintenance> {
  const now = () => headerOf(calls.now());
  const refuse = (): never => {
    throw new GrpcError(grpcCodes.unimplemented, 'this member does not offer it');
  };
  return {
    alarm: async ({ action, memberID, alarm }, { context }) => {
      const kind = kinds.get(alarm);
      const memberId = memberID === '0' ? undefined : memberID;
      if (action === Action.ACTIVATE) return refuse();
      const reply =
        action === Action.DEACTIVATE
          ? await calls.disarm({ memberId, alarm: kind }, context)
          : await calls.alarms();
      const alarms = reply.alarms.map((one) => ({
        memberID: one.memberId,
        alarm: one.alarm === 'nospace' ? AlarmType.NOSPACE : AlarmType.CORRUPT,
      }));
      return { header: headerOf(calls.header(reply.stamp)), alarms };
    },
    status: () => {
      const status = calls.status();
      return {
        header: headerOf(calls.header(status)),
        version: apiVersion,
        dbSize: BigInt(status.stateBytes),
        dbSizeInUse: BigInt(status.liveBytes),
        dbSizeQuota: BigInt(status.quotaBytes),
        leader: status.leaderId ?? '0',
        raftIndex: BigInt(status.committedIndex),
        raftTerm: BigInt(status.term),
        raftAppliedIndex: BigInt(status.appliedIndex),
        errors: errorsOf(status),
        isLearner: status.isLearner,
        storageVersion,
        downgradeInfo: {},
      };
    },
    // Space is given back all the time and nothing has to stop for it: there is nothing left to do.
    defragment: () => ({ header: now() }),
    hash: async (_request, { context }) => {
      const { hash, stamp } = await calls.hash(context);
      return { header: headerOf(calls.header(stamp)), hash };
    },
    hashKV: refuse,
    snapshot: refuse,
    moveLeader: async ({ targetID }, { context }) => {
      await calls.moveLeader(targetID, context);
      return { header: now() };
    },
    downgrade: refuse,
  };
}

const kinds: ReadonlyMap<number, AlarmKind> = new Map([
  [AlarmType.NOSPACE, 'nospace'],
  [AlarmType.CORRUPT, 'corrupt'],
]);

/** What is wrong, as etcd lists it: no leader, and each alarm in its words. */
function errorsOf({ leaderId, alarms, memberId }: ReturnType<StoreCalls['status']>): string[] {
  const errors = leaderId === undefined ? ['etcdserver: no leader'] : [];
  for (const alarm of alarms) {
    errors.push(`memberID:${alarm.memberId || memberId} alarm:${alarm.alarm.toUpperCase()} `);
  }
  return errors;
}
