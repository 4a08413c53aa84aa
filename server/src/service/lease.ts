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
import { authoriseKeys, type CallContext } from './caller.ts';
import type { Gate } from './gate.ts';
import type { Headers } from './headers.ts';
import { authoriseLease } from './request-rights.ts';
import { checkedOnce } from './requests.ts';

/** It is enough that the cluster knows who asks. */
function anybody(): void {}

/** Leases, and the ids under which clients' mutations run once. */
export class LeaseService {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #gate: Gate;

  constructor(store: Store, headers: Headers, gate: Gate) {
    this.#store = store;
    this.#headers = headers;
    this.#gate = gate;
  }

  /** @throws TableError `lease_ttl_too_large`; the store's `lease_exists`, `no_space`. */
  async grant(params: LeaseGrantParams, { caller }: CallContext): Promise<LeaseGrantResult> {
    const { ttl, id = noLease } = params;
    if (ttl > limits.leaseTtlMax) {
      throw new TableError(
        'lease_ttl_too_large',
        `etcdserver: too large lease TTL; ${ttl} s were asked for, at most ${limits.leaseTtlMax} s can be`,
      );
    }
    const once = checkedOnce(params.once);
    return this.#gate.change(
      caller,
      anybody,
      (asker) => this.#store.leaseGrant({ id, ttl }, once, asker),
      (reply) => ({ header: this.#headers.at(reply.stamp), id: reply.id, ttl: reply.ttl }),
    );
  }

  /** @throws TableError `lease_not_found`. */
  async revoke(params: LeaseRevokeParams, { caller }: CallContext): Promise<LeaseRevokeResult> {
    const { id } = params;
    const once = checkedOnce(params.once);
    return this.#gate.change(
      caller,
      (now) => authoriseLease(now, id, this.#store),
      (asker) => this.#store.leaseRevoke(id, once, asker),
      ({ stamp }) => ({ header: this.#headers.at(stamp) }),
    );
  }

  async keepAlive(
    { id }: LeaseKeepAliveParams,
    { caller }: CallContext,
  ): Promise<LeaseKeepAliveResult> {
    authoriseLease(caller, id, this.#store);
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
    authoriseKeys(this.#gate.enter(caller), 'read', keys);
    const result = { header: this.#headers.at(reply.stamp), id, ttl, grantedTtl };
    return withKeys ? { ...result, keys: keys.map(wireFromBytes) } : result;
  }

  async list(): Promise<LeaseListResult> {
    const { ids, stamp } = await this.#store.leases();
    return { header: this.#headers.at(stamp), leases: ids.map((id) => ({ id })) };
  }

  async registerClient({ caller }: CallContext): Promise<ClientRegisterResult> {
    return this.#gate.change(
      caller,
      anybody,
      (asker) => this.#store.registerClient(asker),
      ({ clientId, stamp }) => ({ header: this.#headers.at(stamp), clientId }),
    );
  }
}
