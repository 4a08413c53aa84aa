import {
  type MemberAddParams,
  type MemberAddResult,
  type MemberChangeResult,
  type MemberListParams,
  type MemberListResult,
  type MemberPromoteParams,
  type MemberRemoveParams,
  type MemberReplaceParams,
  type MemberUpdateParams,
  TableError,
} from '@lockstep/client/protocol';
import type { MemberAdded, MemberChanged, Stamped, Store } from '../store.ts';
import { administer, type CallContext } from './caller.ts';
import type { Headers } from './headers.ts';

/** Who the members are, and the changes of that. */
export class ClusterService {
  readonly #store: Store;
  readonly #headers: Headers;

  constructor(store: Store, headers: Headers) {
    this.#store = store;
    this.#headers = headers;
  }

  members({
    linearizable = false,
  }: MemberListParams): MemberListResult | Promise<MemberListResult> {
    if (!linearizable) return { header: this.#headers.now(), members: this.#store.members() };
    return this.#store.memberList().then((list) => this.#changed(list));
  }

  async add(params: MemberAddParams, { caller }: CallContext): Promise<MemberAddResult> {
    administer(caller);
    const { learner = false } = params;
    const peerAddress = checkedAddress(params.peerAddress);
    return this.#added(await this.#store.memberAdd({ peerAddress, learner }));
  }

  async remove(params: MemberRemoveParams, { caller }: CallContext): Promise<MemberChangeResult> {
    administer(caller);
    return this.#changed(await this.#store.memberRemove(params.memberId));
  }

  async update(params: MemberUpdateParams, { caller }: CallContext): Promise<MemberChangeResult> {
    administer(caller);
    const peerAddress = checkedAddress(params.peerAddress);
    return this.#changed(await this.#store.memberUpdate(params.memberId, peerAddress));
  }

  async promote(params: MemberPromoteParams, { caller }: CallContext): Promise<MemberChangeResult> {
    administer(caller);
    return this.#changed(await this.#store.memberPromote(params.memberId));
  }

  async replace(params: MemberReplaceParams, { caller }: CallContext): Promise<MemberAddResult> {
    administer(caller);
    const peerAddress = checkedAddress(params.peerAddress);
    return this.#added(await this.#store.memberReplace(params.memberId, peerAddress));
  }

  #changed({ members, stamp }: Stamped<MemberChanged>): MemberChangeResult {
    return { header: this.#headers.at(stamp), members };
  }

  #added({ member, members, stamp }: Stamped<MemberAdded>): MemberAddResult {
    return { header: this.#headers.at(stamp), member, members };
  }
}

/** @throws TableError `invalid_peer_address`. */
function checkedAddress(given: string): string {
  const [, host, port] = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/,=[\]]+):(\d{1,5})$/.exec(given) ?? [];
  const isWildcard = host === '0.0.0.0' || host === '[::]';
  if (host !== undefined && !isWildcard && Number(port) > 0 && Number(port) <= 65_535) return given;
  throw new TableError(
    'invalid_peer_address',
    `etcdserver: given member URLs are invalid; ${JSON.stringify(given)} is not host:port of a door ` +
      'for members that others can dial, such as 10.0.0.4:2380',
  );
}
