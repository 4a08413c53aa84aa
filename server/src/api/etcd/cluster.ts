import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MemberInfo } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import type { Cluster, MemberSchema } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';

/** etcd's Cluster service. */
export function clusterHandlers(calls: StoreCalls): Handlers<typeof Cluster> {
  const refuse = (): never => {
    throw new GrpcError(grpcCodes.unimplemented, 'this member takes no changes of membership');
  };
  return {
    memberAdd: refuse,
    memberRemove: refuse,
    memberUpdate: refuse,
    memberPromote: refuse,
    memberList: async ({ linearizable }) => {
      const stamp = linearizable ? await calls.confirmLeadership() : calls.status();
      return { header: headerOf(calls.header(stamp)), members: calls.members().map(memberOf) };
    },
  };
}

function memberOf(member: MemberInfo): MessageInitShape<typeof MemberSchema> {
  const urls = (address: string): string[] => (address === '' ? [] : [`http://${address}`]);
  return {
    ID: member.memberId,
    name: member.name,
    peerURLs: urls(member.peerAddress),
    clientURLs: urls(member.clientAddress),
    isLearner: member.isLearner,
  };
}
