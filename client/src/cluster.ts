import type {
  MemberAddResult,
  MemberChangeResult,
  MemberId,
  MemberInfo,
} from '@lockstep/client/protocol';
import type { CallOptions } from './calls/call.ts';
import type { Requests } from './calls/requests.ts';

export interface MemberAddRequest {
  /** host:port at which the other members will reach it. */
  readonly peerAddress: string;
  /** It stays a learner until {@link Cluster.promote}; else it becomes a voter by itself when it has caught up. */
  readonly learner?: boolean;
}

/**
 * Who belongs to the cluster, and the changes of that. Any member takes them. A change answers when
 * it is in force; one that would cost the cluster its quorum is refused.
 */
export class Cluster {
  readonly #requests: Requests;

  /** Made by the client. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** The members as of now. A member that was added and never started has no name. */
  async members(options: CallOptions = {}): Promise<readonly MemberInfo[]> {
    const params = { linearizable: true };
    return (await this.#requests.call('cluster.members', params, options)).members;
  }

  /**
   * Adds a member, which is then to be started with an empty data directory and
   * `initialClusterState: 'existing'`, or `join`. It begins as a learner.
   * @throws LockstepError `peer_address_exists`, `not_enough_started_members`, `unhealthy_cluster`,
   * `too_many_learners`, `invalid_peer_address`; AmbiguousError.
   */
  add(request: MemberAddRequest, options: CallOptions = {}): Promise<MemberAddResult> {
    const { peerAddress, learner = false } = request;
    const params = { peerAddress, ...(learner ? { learner } : {}) };
    return this.#requests.call('cluster.memberAdd', params, options);
  }

  /** Its id never returns. @throws LockstepError `member_not_found`, `not_enough_started_members`, `unhealthy_cluster`; AmbiguousError. */
  remove(memberId: MemberId, options: CallOptions = {}): Promise<MemberChangeResult> {
    return this.#requests.call('cluster.memberRemove', { memberId }, options);
  }

  /** Says where the other members reach it from now on. @throws LockstepError `member_not_found`, `peer_address_exists`; AmbiguousError. */
  update(
    memberId: MemberId,
    peerAddress: string,
    options: CallOptions = {},
  ): Promise<MemberChangeResult> {
    return this.#requests.call('cluster.memberUpdate', { memberId, peerAddress }, options);
  }

  /** Makes a voter of a learner. @throws LockstepError `member_not_found`, `not_a_learner`, `learner_not_ready`; AmbiguousError. */
  promote(memberId: MemberId, options: CallOptions = {}): Promise<MemberChangeResult> {
    return this.#requests.call('cluster.memberPromote', { memberId }, options);
  }

  /**
   * Adds a member as {@link add} does. When it has caught up it takes the place of another, in one joint
   * change: at no moment has the cluster a voter more or less than before.
   * @throws LockstepError `member_not_found`, `peer_address_exists`, `unhealthy_cluster`, and
   * `too_many_learners` when the member is being replaced already; AmbiguousError.
   */
  replace(
    memberId: MemberId,
    peerAddress: string,
    options: CallOptions = {},
  ): Promise<MemberAddResult> {
    return this.#requests.call('cluster.memberReplace', { memberId, peerAddress }, options);
  }
}
