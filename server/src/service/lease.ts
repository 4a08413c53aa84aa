import {
  type ClientRegisterResult,
  type LeaseGrantParams,
  type LeaseGrantResult,
  type LeaseKeepAliveParams,
  type LeaseKeepAliveResult,
  type LeaseListResult,
  type LeaseRevokeParams,
  type LeaseRevokeResult,
  type LeaseTimeToLiveParams,
  type LeaseTimeToLiveResult,
  limits,
  noLease,
  TableError,
  wireFromBytes,
} from '@lockstep/client/protocol';
import type { Store } from '../store.ts';
import { authorise, type CallContext } from './caller.ts';
import type { Headers } from './headers.ts';
import { checkedOnce } from './requests.ts';

/** Leases, and the ids under which clients' mutations run once. */
export class LeaseService {
  readonly #store: Store;
  readonly #headers: Headers;

  constructor(store: Store, headers: Headers) {
    this.#store = store;
    this.#headers = headers;
  }

  /** @throws TableError `lease_ttl_too_large`; the store's `lease_exists`, `no_space`. */
  async grant(params: LeaseGrantParams): Promise<LeaseGrantResult> {
    const { ttl, id = noLease } = params;
    if (ttl > limits.leaseTtlMax) {
      throw new TableError(
        'lease_ttl_too_large',
        `etcdserver: too large lease TTL; ${ttl} s were asked for, at most ${limits.leaseTtlMax} s can be`,
      );
    }
    const reply = await this.#store.leaseGrant({ id, ttl }, checkedOnce(params.once));
    return { header: this.#headers.at(reply.stamp), id: reply.id, ttl: reply.ttl };
  }

  /** @throws TableError `lease_not_found`. */
  async revoke(params: LeaseRevokeParams, context: CallContext): Promise<LeaseRevokeResult> {
    await this.#authoriseKeys(params.id, context);
    const { stamp } = await this.#store.leaseRevoke(params.id, checkedOnce(params.once));
    return { header: this.#headers.at(stamp) };
  }

  /** Revoking deletes the keys, so whoever revokes must be allowed to write each of them. */
  async #authoriseKeys(id: string, { caller }: CallContext): Promise<void> {
    if (caller.permits === undefined) return;
    const { keys } = await this.#store.leaseTimeToLive(id, true);
    for (const key of keys) authorise(caller, 'write', { key, rangeEnd: '' as typeof key });
  }

  async keepAlive({ id }: LeaseKeepAliveParams): Promise<LeaseKeepAliveResult> {
    const { ttl, stamp } = await this.#store.leaseKeepAlive(id);
    return { header: this.#headers.at(stamp), id, ttl };
  }

  async timeToLive(
    params: LeaseTimeToLiveParams,
    { caller }: CallContext,
  ): Promise<LeaseTimeToLiveResult> {
    const { id } = params;
    const withKeys = params.keys === true;
    const reply = await this.#store.leaseTimeToLive(id, withKeys);
    const { ttl, grantedTtl, keys } = reply;
    for (const key of keys) authorise(caller, 'read', { key, rangeEnd: '' as typeof key });
    const result = { header: this.#headers.at(reply.stamp), id, ttl, grantedTtl };
    return withKeys ? { ...result, keys: keys.map(wireFromBytes) } : result;
  }

  async list(): Promise<LeaseListResult> {
    const { ids, stamp } = await this.#store.leases();
    return { header: this.#headers.at(stamp), leases: ids.map((id) => ({ id })) };
  }

  async registerClient(): Promise<ClientRegisterResult> {
    const { clientId, stamp } = await this.#store.registerClient();
    return { header: this.#headers.at(stamp), clientId };
  }
}
