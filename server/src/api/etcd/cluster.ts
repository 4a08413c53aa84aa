import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MemberInfo } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import type { Cluster, MemberSchema } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';

export type Scheme = 'http' | 'https';

/** How addresses of members are to be dialed. The table of members has them without: all members are dialed alike. */
export interface Schemes {
  readonly clientScheme: Scheme;
  readonly peerScheme: Scheme;
}

/** etcd's Cluster service. */
export function clusterHandlers(calls: StoreCalls, schemes: Schemes): Handlers<typeof Cluster> {
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
      return { header: headerOf(calls.header(stamp)), members: membersOf(calls, schemes) };
    },
  };
}

function membersOf(calls: StoreCalls, schemes: Schemes): MessageInitShape<typeof MemberSchema>[] {
  return calls.members().map((member) => memberOf(member, schemes));
}

function memberOf(
  member: MemberInfo,
  { clientScheme, peerScheme }: Schemes,
): MessageInitShape<typeof MemberSchema> {
  const urls = (address: string, scheme: Scheme): string[] =>
    address === '' ? [] : [`${scheme}://${address}`];
  return {
    ID: member.memberId,
    name: member.name,
    peerURLs: urls(member.peerAddress, peerScheme),
    clientURLs: urls(member.clientAddress, clientScheme),
    isLearner: member.isLearner,
  };
}
