import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Header, type MemberInfo, TableError } from '@lockstep/client/protocol';
import type { Service } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import type { Cluster, MemberSchema } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';

export type Scheme = 'http' | 'https';

/** How addresses of members are to be dialed. The table of members has them without: all members are dialed alike. */
export interface Schemes {
  readonly clientScheme: Scheme;
  readonly peerScheme: Scheme;
}

/** etcd's Cluster service. A member that is added begins as a learner, which etcd's does only if it is told to. */
export function clusterHandlers(service: Service, schemes: Schemes): Handlers<typeof Cluster> {
  const { changed, memberOf } = answersIn(schemes);
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

/** @throws TableError `invalid_peer_address`: a member has one address, and it is a URL here. */
function addressOf(urls: readonly string[]): string {
  const [url = ''] = urls;
  const address = /^https?:\/\/([^/]+)\/?$/.exec(url)?.[1];
  if (urls.length === 1 && address !== undefined) return address;
  throw new TableError('invalid_peer_address');
}

function answersIn({ clientScheme, peerScheme }: Schemes) {
  const urls = (address: string, scheme: Scheme): string[] =>
    address === '' ? [] : [`${scheme}://${address}`];
  const memberOf = (member: MemberInfo): MessageInitShape<typeof MemberSchema> => ({
    ID: member.memberId,
    name: member.name,
    peerURLs: urls(member.peerAddress, peerScheme),
    clientURLs: urls(member.clientAddress, clientScheme),
    isLearner: member.isLearner,
  });
  const changed = ({ header, members }: Changed) => ({
    header: headerOf(header),
    members: members.map(memberOf),
  });
  return { memberOf, changed };
}
