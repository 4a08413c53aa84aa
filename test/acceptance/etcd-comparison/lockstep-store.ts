import {
  errorTable,
  type LeaseGrantResult,
  type LeaseTimeToLiveResult,
  type ResultOf,
  type UnaryMethodName,
  type WireError,
} from '@lockstep/client/protocol';
import { JsonDoor } from './json-door.ts';
import { LockstepWatches } from './lockstep-watches.ts';
import { neutralBytes, neutralOperation, txnOperation } from './lockstep-wire.ts';
import type { Answer, Call, ComparedStore, Operation, Refusal, Watch, WatchLog } from './model.ts';

const operationMethods = {
  range: 'kv.range',
  put: 'kv.put',
  deleteRange: 'kv.deleteRange',
  txn: 'kv.txn',
} as const;

type Outcome<Name extends UnaryMethodName> =
  | { readonly result: ResultOf<Name>; readonly refusal?: never }
  | { readonly refusal: Refusal; readonly result?: never };

/** A member of Lockstep: `POST /v1/<method>`, and one WebSocket for the watches. */
export class LockstepStore implements ComparedStore {
  readonly name = 'Lockstep';
  readonly #address: string;
  readonly #door: JsonDoor;
  #watches: LockstepWatches | undefined;

  /** @param address host:port of the client door */
  constructor(address: string) {
    this.#address = address;
    this.#door = new JsonDoor(address);
  }

  call(request: Call): Promise<Answer> {
    switch (request.kind) {
      case 'range':
      case 'put':
      case 'deleteRange':
      case 'txn':
        return this.#operation(request);
      case 'watch':
        return this.#watch(request);
      default:
        return this.#other(request);
    }
  }

  async #operation(request: Operation): Promise<Answer> {
    const { kind } = request;
    const params = txnOperation(request)[kind] ?? {};
    const { result, refusal } = await this.#post(operationMethods[kind], params);
    return refusal ?? neutralOperation(kind, result, result.header.revision);
  }

  async #other(request: Exclude<Call, { kind: Operation['kind'] | 'watch' }>): Promise<Answer> {
    switch (request.kind) {
      case 'compact': {
        const { kind, ...params } = request;
        const { result, refusal } = await this.#post('kv.compact', params);
        return refusal ?? { kind, revision: result.header.revision };
      }
      case 'revoke': {
        const { kind, ...params } = request;
        const { result, refusal } = await this.#post('lease.revoke', params);
        return refusal ?? { kind, revision: result.header.revision };
      }
      case 'grant': {
        const { kind, ...params } = request;
        const { result, refusal } = await this.#post('lease.grant', params);
        return refusal ?? { kind, ...leaseOf(result) };
      }
      case 'keepAlive': {
        const { kind, ...params } = request;
        const { result, refusal } = await this.#post('lease.keepAlive', params);
        return refusal ?? { kind, ...leaseOf(result) };
      }
      case 'timeToLive': {
        const { kind, ...params } = request;
        const { result, refusal } = await this.#post('lease.timeToLive', params);
        return refusal ?? { kind, ...leaseOf(result), ...restOf(result) };
      }
      case 'leases': {
        const { result, refusal } = await this.#post('lease.list', {});
        if (refusal) return refusal;
        const ids = result.leases.map(({ id }) => id).sort();
        return { kind: 'leases', revision: result.header.revision, ids };
      }
    }
  }

  async #post<Name extends UnaryMethodName>(name: Name, params: object): Promise<Outcome<Name>> {
    const { status, body } = await this.#door.post(`/v1/${name}`, params);
    if (status === 200) return { result: JSON.parse(body) };
    const { error }: { error?: WireError } = JSON.parse(body);
    if (error === undefined) throw new Error(`${name} answered ${status}: ${body}`);
    return { refusal: refusalOf(error) };
  }

  async #watch(watch: Watch): Promise<Answer> {
    this.#watches ??= await LockstepWatches.open(this.#address);
    const created = await this.#watches.create(watch);
    if ('message' in created) return refusalOf(created);
    return { kind: 'watch', startRevision: created.startRevision };
  }

  async cancel(watch: number, revision: number): Promise<void> {
    // What happened before may be on its way; after the answer to the cancel nothing more comes.
    await this.#watches?.settle(revision);
    await this.#watches?.cancel(watch);
  }

  async settle(revision: number): Promise<void> {
    await this.#watches?.settle(revision);
  }

  watchLog(watch: number): WatchLog {
    if (this.#watches === undefined) throw new Error('Lockstep has no watches');
    return this.#watches.log(watch);
  }

  async closeWatches(): Promise<void> {
    this.#watches?.close();
    this.#watches = undefined;
  }

  async close(): Promise<void> {
    await this.closeWatches();
    this.#door.close();
  }
}

function leaseOf({ header, id, ttl }: Pick<LeaseGrantResult, 'header' | 'id' | 'ttl'>) {
  return { revision: header.revision, id, ttl };
}

function restOf({ grantedTtl, keys = [] }: LeaseTimeToLiveResult) {
  return { grantedTtl, keys: keys.map(neutralBytes).sort() };
}

function refusalOf({ message, data }: WireError): Refusal {
  const { grpc } = errorTable[data.code];
  return { kind: 'refused', text: message, grpc, compactRevision: data.compactRevision };
}
