import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Header, type MemberInfo, TableError } from '@lockstep/client/protocol';
import type { Service } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import type { Cluster, MemberSchema } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';

/** etcd's Cluster service. A member that is added begins as a learner, which etcd's does only if it is told to. */
export function clusterHandlers(service: Service): Handlers<typeof Cluster> {
  return {
    memberAdd: async ({ peerURLs, isLearner }, { context }) => {
      const params = { peerAddress: addressOf(peerURLs), learner: isLearner };
      const added = await service.call('cluster.memberAdd', params, context);
      return { ...changed(added), member: memberOf(added.member) };
    },
    memberRemove: async ({ ID }, { context }) =>
      changed(await service.call('cluster.memberRemove', { memberId: ID }, context)),
    memberUpdate: async ({ ID, peerURLs }, { context }) => {
      const params = { memberId: ID, peerAddress: addressOf(peerURLs) };
      return changed(await service.call('cluster.memberUpdate', params, context));
    },
    memberPromote: async ({ ID }, { context }) =>
      changed(await service.call('cluster.memberPromote', { memberId: ID }, context)),
    memberList: async ({ linearizable }, { context }) =>
      changed(await service.call('cluster.members', { linearizable }, context)),
  };
}

interface Changed {
  readonly header: Header;
  readonly members: readonly MemberInfo[];
}

function changed({ header, members }: Changed) {
  return { header: headerOf(header), members: members.map(memberOf) };
}

/** @throws TableError `invalid_peer_address`: a member has one address, and it is a URL here. */
function addressOf(urls: readonly string[]): string {
  const [url = ''] = urls;
  const address = /^https?:\/\/([^/]+)\/?$/.exec(url)?.[1];
  if (urls.length === 1 && address !== undefined) return address;
  throw new TableError('invalid_peer_address');
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
