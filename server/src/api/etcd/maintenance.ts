import { createHash } from 'node:crypto';
import type { Alarm, AlarmKind } from '@lockstep/client/protocol';
import type { CallContext, Service, StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import { AlarmRequest_AlarmAction as Action, AlarmType, type Maintenance } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';
import { countOf } from './numbers.ts';
import { apiVersion, storageVersion } from './version.ts';

/** etcd's Maintenance service. */
export function maintenanceHandlers(service: Service): Handlers<typeof Maintenance> {
  const { calls } = service;
  const now = () => headerOf(calls.now());
  const refuse = (): never => {
    throw new GrpcError(grpcCodes.unimplemented, 'this member does not offer it');
  };
  return {
    alarm: async ({ action, memberID, alarm }, { context }) => {
      const kind = kinds.get(alarm);
      const memberId = memberID === '0' ? undefined : memberID;
      if (action === Action.ACTIVATE) {
        if (kind === undefined || memberId === undefined) return { header: now() };
        const armed = await service.call('maintenance.arm', { memberId, alarm: kind }, context);
        return { header: headerOf(armed.header), alarms: armed.alarms.map(alarmOf) };
      }
      const reply =
        action === Action.DEACTIVATE
          ? await calls.disarm({ memberId, alarm: kind }, context)
          : await calls.alarms(context);
      return { header: headerOf(calls.header(reply.stamp)), alarms: reply.alarms.map(alarmOf) };
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
    defragment: async (_request, { context }) => {
      const { header } = await service.call('maintenance.defragment', {}, context);
      return { header: headerOf(header) };
    },
    hash: async (_request, { context }) => {
      const { hash, stamp } = await calls.hash(context);
      return { header: headerOf(calls.header(stamp)), hash };
    },
    hashKV: async ({ revision }, { context }) => {
      const params = { revision: countOf(revision) };
      const reply = await service.call('maintenance.hashKv', params, context);
      return {
        header: headerOf(reply.header),
        hash: reply.hash,
        compactRevision: BigInt(reply.compactRevision),
        hashRevision: BigInt(reply.hashRevision),
      };
    },
    snapshot: (_request, { context }) => backup(service, context),
    moveLeader: async ({ targetID }, { context }) => {
      await calls.moveLeader(targetID, context);
      return { header: now() };
    },
    downgrade: refuse,
  };
}

/**
 * The state as a file, and behind it the checksum that etcd's tools look for. How much is to come is not known before it is made.
 */
async function* backup(service: Service, context: CallContext) {
  const stream = await service.snapshot(false, context);
  const checksum = createHash('sha256');
  try {
    const header = headerOf(service.calls.header(stream.stamp));
    for (;;) {
      const blob = await stream.next();
      if (blob === undefined) break;
      checksum.update(blob);
      yield { header, blob, version: storageVersion };
    }
    yield { header, blob: checksum.digest(), version: storageVersion };
  } finally {
    stream.close();
  }
}

function alarmOf({ memberId, alarm }: Alarm) {
  return {
    memberID: memberId,
    alarm: alarm === 'nospace' ? AlarmType.NOSPACE : AlarmType.CORRUPT,
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
