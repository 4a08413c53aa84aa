import type { ByteString, LeaseId } from '@lockstep/client/protocol';
import { noLease, prefixEnd, TableError } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import type {
  Compare,
  KeyRange,
  KeyValue,
  RangeReply,
  RangeRequest,
  Stamp,
  TxnOperation,
} from '../../store.ts';
import type { Call } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';
import { endError } from './watch-end.ts';

/** In seconds: of the lease of whoever comes without one (etcd, concurrency.NewSession). */
const ownLeaseTtl = 60;
const noEnd = '' as ByteString;

/** A place in the line: a key of one's own under the common prefix. */
export interface Place {
  readonly key: ByteString;
  /** The revision at which the key was made: who has the lowest is first. */
  readonly revision: number;
  readonly lease: LeaseId;
  /** The value that was found when the place had been taken before. */
  readonly found: KeyValue | undefined;
  /** Of when the place was taken, or found. */
  readonly stamp: Stamp;
}

/** Whether the place was still one's own, and so was changed. */
export interface Owned {
  readonly isOwn: boolean;
  readonly stamp: Stamp;
}

/**
 * The line behind a name, as etcd's own clients stand in it: a key per lease under `name/`, first come first served by create
 * revision (etcd, client/v3/concurrency).
 */
export class WaitingLine {
  readonly #calls: StoreCalls;
  readonly #call: Call;
  readonly #prefix: ByteString;

  constructor(calls: StoreCalls, call: Call, name: ByteString) {
    this.#calls = calls;
    this.#call = call;
    this.#prefix = `${name}/` as ByteString;
  }

  get #range(): KeyRange {
    return { key: this.#prefix, rangeEnd: prefixEnd(this.#prefix) };
  }

  /** Takes a place, or finds that of the same lease again. @throws TableError `lease_not_found`. */
  async enter(leaseId: LeaseId, value: ByteString): Promise<Place> {
    const lease =
      leaseId === noLease
        ? (await this.#calls.leaseGrant({ id: noLease, ttl: ownLeaseTtl }, this.#call.context)).id
        : leaseId;
    const hex = BigInt(lease).toString(16);
    const key = (this.#prefix + hex) as ByteString;
    const isMissing: Compare = {
      key,
      rangeEnd: noEnd,
      operator: '=',
      target: 'create',
      operand: 0,
    };
    const put = { key, value, lease, prevKv: false, ignoreValue: false, ignoreLease: false };
    const reply = await this.#calls.txn(
      {
        compares: [isMissing],
        success: [{ type: 'put', request: put }],
        failure: [{ type: 'range', request: readOf({ key, rangeEnd: noEnd }) }],
      },
      false,
      this.#call.context,
    );
    const [result] = reply.results;
    const found = result?.type === 'range' ? result.reply.kvs[0] : undefined;
    const { stamp } = reply;
    return { key, revision: found?.createRevision ?? stamp.revision, lease, found, stamp };
  }

  /**
   * Resolves when nobody is before the place any more; it is left again when the call is cancelled.
   * @throws GrpcError `canceled`, or `unknown` when the place is gone because its lease ended.
   */
  async wait(place: Place, expired: string): Promise<Stamp> {
    try {
      for (;;) {
        const before = await this.#lastBefore(place.revision);
        const [kv] = before.kvs;
        if (kv === undefined) break;
        await this.#untilDeleted(kv, before.stamp.revision + 1);
      }
    } catch (error) {
      // If that fails too, the lease ends the place.
      await this.leave(place.key, place.revision).catch(() => {});
      throw error;
    }
    const own = await this.#read(readOf({ key: place.key, rangeEnd: noEnd }));
    if (own.kvs[0]?.createRevision !== place.revision) {
      throw new GrpcError(grpcCodes.unknown, expired);
    }
    return own.stamp;
  }

  /** Gives up a place that is still one's own. */
  async leave(key: ByteString, revision: number): Promise<Owned> {
    const remove: TxnOperation = {
      type: 'deleteRange',
      request: { key, rangeEnd: noEnd, prevKv: false },
    };
    return this.#asOwner(key, revision, remove);
  }

  /** Writes to a place that is still one's own. */
  async write(place: Omit<Place, 'found' | 'stamp'>, value: ByteString): Promise<Owned> {
    const { key, lease } = place;
    const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
    return this.#asOwner(key, place.revision, {
      type: 'put',
      request: { key, value, lease, ...flags },
    });
  }

  async #asOwner(key: ByteString, operand: number, operation: TxnOperation) {
    const compares: Compare[] = [
      { key, rangeEnd: noEnd, operator: '=', target: 'create', operand },
    ];
    const request = { compares, success: [operation], failure: [] };
    const { succeeded, stamp } = await this.#calls.txn(request, false, this.#call.context);
    return { isOwn: succeeded, stamp };
  }

  /** Who is first. */
  first(): Promise<RangeReply & { stamp: Stamp }> {
    const range = readOf(this.#range);
    return this.#read({ ...range, limit: 1, sortOrder: 'ascend', sortTarget: 'create' });
  }

  #lastBefore(revision: number): Promise<RangeReply & { stamp: Stamp }> {
    return this.#read({
      ...readOf(this.#range),
      limit: 1,
      sortOrder: 'descend',
      sortTarget: 'create',
      maxCreateRevision: revision - 1,
    });
  }

  #read(request: RangeRequest): Promise<RangeReply & { stamp: Stamp }> {
    const options = { serializable: false, minRevision: 0 };
    return this.#calls.range(request, options, this.#call.context);
  }

  /** Resolves when the key was deleted at `from` or later. */
  async #untilDeleted({ key }: KeyValue, from: number): Promise<void> {
    await this.#changed({ key, rangeEnd: noEnd }, from, true);
  }

  /** Resolves when anybody of the line has come, gone or written at `from` or later. */
  changed(from: number): Promise<void> {
    return this.#changed(this.#range, from, false);
  }

  /** It may also resolve without a change: whoever waits looks anew. @throws GrpcError `canceled`; TableError. */
  #changed(range: KeyRange, startRevision: number, noPut: boolean): Promise<void> {
    const { signal } = this.#call;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = (then: () => void): void => {
        if (isOver) return;
        isOver = true;
        signal.removeEventListener('abort', aborted);
        stream.close();
        then();
      };
      const aborted = (): void => settle(() => reject(canceled()));
      const stream = this.#calls.openWatchStream(
        {
          staysWithoutLeader: true,
          ready: () => true,
          // The stream is in the middle of telling, and is closed when it has told.
          events: () => queueMicrotask(() => settle(resolve)),
          progress: () => {},
          ended: (_id, { reason }) =>
            queueMicrotask(() =>
              settle(() => (reason === 'compacted' ? resolve() : reject(endError(reason)))),
            ),
        },
        this.#call.context,
      );
      if (signal.aborted) return aborted();
      signal.addEventListener('abort', aborted, { once: true });
      try {
        stream.create(0, {
          ranges: [range],
          startRevision,
          noPut,
          prevKv: false,
          noDelete: false,
          keysOnly: true,
          progressNotify: false,
          credits: 1,
        });
      } catch (error) {
        const isCompacted = error instanceof TableError && error.code === 'compacted';
        settle(() => (isCompacted ? resolve() : reject(error)));
      }
    });
  }
}

function canceled(): GrpcError {
  return new GrpcError(grpcCodes.canceled, 'context canceled');
}

function readOf({ key, rangeEnd }: KeyRange): RangeRequest {
  return {
    key,
    rangeEnd,
    limit: 0,
    revision: 0,
    keysOnly: false,
    countOnly: false,
    sortOrder: 'none',
    sortTarget: 'key',
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}
