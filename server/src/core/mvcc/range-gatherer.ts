import type { KeyValue } from './key-value.ts';
import { withoutValue } from './key-value.ts';
import type { RangeReply, RangeRequest } from './requests.ts';

type Sorts = Pick<RangeRequest, 'sortOrder' | 'sortTarget'>;

/**
 * Gathers the answer to a range request from the pairs that are given to it in key order, as etcd
 * does: the count is of the whole range, filters come before the limit, and a sort looks at all.
 */
export class RangeGatherer {
  readonly #request: RangeRequest;
  /** How many pairs are of use; one more than the limit tells that there is more. */
  readonly #room: number;
  #kvs: KeyValue[] = [];
  #count = 0;

  constructor(request: RangeRequest) {
    this.#request = request;
    const { limit, countOnly } = request;
    this.#room = countOnly ? 0 : limit === 0 || isSorted(request) ? Infinity : limit + 1;
  }

  take(kv: KeyValue): void {
    this.#count++;
    if (this.#kvs.length < this.#room && this.#fits(kv)) this.#kvs.push(kv);
  }

  #fits({ modRevision, createRevision }: KeyValue): boolean {
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = this.#request;
    return (
      (minModRevision === 0 || modRevision >= minModRevision) &&
      (maxModRevision === 0 || modRevision <= maxModRevision) &&
      (minCreateRevision === 0 || createRevision >= minCreateRevision) &&
      (maxCreateRevision === 0 || createRevision <= maxCreateRevision)
    );
  }

  reply(): RangeReply {
    const { limit, keysOnly, countOnly } = this.#request;
    let kvs = this.#kvs;
    if (isSorted(this.#request)) kvs.sort(comparison(this.#request));
    const more = !countOnly && limit > 0 && kvs.length > limit;
    if (more) kvs = kvs.slice(0, limit);
    return { kvs: keysOnly ? kvs.map(withoutValue) : kvs, more, count: this.#count };
  }
}

/** Key order ascending is the order in which pairs come. A target without an order means ascending (etcd). */
function isSorted({ sortOrder, sortTarget }: Sorts): boolean {
  return sortTarget === 'key' ? sortOrder === 'descend' : true;
}

/** Pairs that are equal in the target stay in the order in which they came, whatever the direction. */
function comparison({ sortOrder, sortTarget }: Sorts): (left: KeyValue, right: KeyValue) => number {
  const property = {
    key: 'key',
    version: 'version',
    create: 'createRevision',
    mod: 'modRevision',
    value: 'value',
  } as const;
  const name = property[sortTarget];
  const sign = sortOrder === 'descend' ? -1 : 1;
  return (left, right) => {
    if (left[name] === right[name]) return 0;
    return left[name] < right[name] ? -sign : sign;
  };
}
