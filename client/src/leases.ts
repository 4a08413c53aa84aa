import type {
  Header,
  LeaseGrantResult,
  LeaseId,
  LeaseRevokeResult,
  WireBytes,
} from '@lockstep/client/protocol';
import type { CallOptions } from './calls/call.ts';
import type { Requests } from './calls/requests.ts';
import { refusal } from './errors.ts';

export interface LeaseRequest {
  /** Time to live in seconds. Less than the cluster's floor means the floor. */
  readonly ttl: number;
  /** An id of the caller's own; without one, the cluster chooses. */
  readonly id?: LeaseId;
}

export interface TimeToLiveOptions extends CallOptions {
  /** List the keys that are attached to the lease as well. */
  readonly keys?: boolean;
}

export interface LeaseInfo {
  readonly header: Header;
  readonly id: LeaseId;
  /** Whole seconds that are left. */
  readonly ttl: number;
  readonly grantedTtl: number;
  /** In key order; empty unless asked for. A key that is not valid UTF-8 is in its base64 form. */
  readonly keys: readonly WireBytes[];
}

/**
 * Leases of the cluster, one call each: keys attached to a lease are deleted when it ends. Nothing
 * here keeps a lease alive by itself.
 */
export class Leases {
  readonly #requests: Requests;

  /** Made by the client. */
  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** @throws LockstepError `lease_exists`, `lease_ttl_too_large`; AmbiguousError. */
  grant({ ttl, id }: LeaseRequest, options: CallOptions = {}): Promise<LeaseGrantResult> {
    return this.#requests.call(
      'lease.grant',
      { ttl, ...(id === undefined ? {} : { id }) },
      options,
    );
  }

  /** Ends a lease and deletes its keys, at one revision. @throws LockstepError `lease_not_found`; AmbiguousError. */
  revoke(id: LeaseId, options: CallOptions = {}): Promise<LeaseRevokeResult> {
    return this.#requests.call('lease.revoke', { id }, options);
  }

  /**
   * Starts the time to live anew, once. Resolves with the seconds from now on.
   * @throws LockstepError `lease_not_found` when it has ended.
   */
  async keepAlive(id: LeaseId, options: CallOptions = {}): Promise<number> {
    const { ttl } = await this.#requests.call('lease.keepAlive', { id }, options);
    if (ttl > 0) return ttl;
    throw refusal('lease_not_found', `there is no lease ${id} (any more)`);
  }

  /** What is left of a lease; undefined when there is none. */
  async timeToLive(id: LeaseId, options: TimeToLiveOptions = {}): Promise<LeaseInfo | undefined> {
    const params = { id, ...(options.keys === true ? { keys: true } : {}) };
    const result = await this.#requests.call('lease.timeToLive', params, options);
    const { header, ttl, grantedTtl, keys = [] } = result;
    return ttl < 0 ? undefined : { header, id, ttl, grantedTtl, keys };
  }

  /** The ids of all leases. */
  async list(options: CallOptions = {}): Promise<readonly LeaseId[]> {
    const { leases } = await this.#requests.call('lease.list', {}, options);
    return leases.map(({ id }) => id);
  }
}
