import { errorTable } from '@lockstep/client/protocol';
import { EtcdWatch } from './etcd-watch.ts';
import {
  type EtcdAnswer,
  etcdBody,
  neutralOperation,
  neutralOther,
  revisionOf,
} from './etcd-wire.ts';
import { JsonDoor } from './json-door.ts';
import type { Answer, Call, ComparedStore, Refusal, Watch, WatchLog } from './model.ts';

interface EtcdError {
  readonly error?: string;
  readonly code?: number;
}

/** A member of etcd 3.4, asked through its JSON gateway. */
export class EtcdStore implements ComparedStore {
  readonly name = 'etcd';
  readonly #door: JsonDoor;
  readonly #watches = new Map<number, EtcdWatch>();
  /** etcd's errors do not say it, so it is kept here: what was compacted with success. */
  #compacted: number | undefined;

  /** @param address host:port of the client door */
  constructor(address: string) {
    this.#door = new JsonDoor(address);
  }

  async call(request: Call): Promise<Answer> {
    switch (request.kind) {
      case 'range':
        return this.#operation('/v3/kv/range', request);
      case 'put':
        return this.#operation('/v3/kv/put', request);
      case 'deleteRange':
        return this.#operation('/v3/kv/deleterange', request);
      case 'txn':
        return this.#operation('/v3/kv/txn', request);
      case 'watch':
        return this.#watch(request);
      default:
        return this.#other(request);
    }
  }

  async #operation(
    path: string,
    request: Extract<Call, { kind: 'range' | 'put' | 'deleteRange' | 'txn' }>,
  ): Promise<Answer> {
    const answer = await this.#post(path, etcdBody(request));
    return 'kind' in answer ? answer : neutralOperation(request.kind, answer);
  }

  async #other(
    request: Exclude<Call, { kind: 'range' | 'put' | 'deleteRange' | 'txn' | 'watch' }>,
  ): Promise<Answer> {
    const answer = await this.#otherPost(request);
    if ('kind' in answer) return answer;
    if (request.kind === 'compact') this.#compacted = request.revision;
    return neutralOther(request.kind, answer);
  }

  #otherPost(
    request: Exclude<Call, { kind: 'range' | 'put' | 'deleteRange' | 'txn' | 'watch' }>,
  ): Promise<EtcdAnswer | Refusal> {
    switch (request.kind) {
      case 'compact': {
        const { revision, physical } = request;
        return this.#post('/v3/kv/compaction', { revision: `${revision}`, physical });
      }
      case 'grant':
        return this.#post('/v3/lease/grant', { ID: request.id, TTL: `${request.ttl}` });
      case 'revoke':
        return this.#post('/v3/lease/revoke', { ID: request.id });
      case 'keepAlive':
        return this.#post('/v3/lease/keepalive', { ID: request.id });
      case 'timeToLive':
        return this.#post('/v3/lease/timetolive', { ID: request.id, keys: request.keys });
      case 'leases':
        return this.#post('/v3/lease/leases', {});
    }
  }

  async #post(path: string, body: object): Promise<EtcdAnswer | Refusal> {
    const { status, body: text } = await this.#door.post(path, body);
    if (status === 200) {
      const answer: EtcdAnswer & { result?: EtcdAnswer } = JSON.parse(text);
      return answer.result ?? answer; // Streams wrap their answers.
    }
    const { error = text, code = 2 }: EtcdError = JSON.parse(text);
    return this.#refusal(error, code);
  }

  #refusal(text: string, grpc: number): Refusal {
    const compactRevision = text === errorTable.compacted.text ? (this.#compacted ?? 0) : undefined;
    return { kind: 'refused', text, grpc, compactRevision };
  }

  async #watch(request: Watch): Promise<Answer> {
    const watch = new EtcdWatch(this.#door, request);
    const message = await watch.created();
    if (message.canceled === true) {
      watch.stop();
      return this.#refusal(message.cancel_reason ?? '', errorTable.invalid_params.grpc);
    }
    const { startRevision } = request;
    if (startRevision !== 0 && startRevision < (this.#compacted ?? 0)) {
      // etcd creates it and then ends it, at its next look at watches that are behind.
      const end = await watch.canceled();
      watch.stop();
      const { text, grpc } = errorTable.compacted;
      return { kind: 'refused', text, grpc, compactRevision: Number(end.compact_revision ?? 0) };
    }
    this.#watches.set(request.watch, watch);
    return { kind: 'watch', startRevision: startRevision || revisionOf(message) + 1 };
  }

  async cancel(watch: number, revision: number): Promise<void> {
    this.#found(watch).cut(revision);
  }

  async settle(revision: number): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.settled(revision)));
  }

  #found(watch: number): EtcdWatch {
    const found = this.#watches.get(watch);
    if (found === undefined) throw new Error(`etcd has no watch ${watch}`);
    return found;
  }

  watchLog(watch: number): WatchLog {
    return this.#found(watch);
  }

  async closeWatches(): Promise<void> {
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
  }

  async close(): Promise<void> {
    await this.closeWatches();
    this.#door.close();
  }
}
