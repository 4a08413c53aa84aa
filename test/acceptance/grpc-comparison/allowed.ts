/** Where Lockstep may answer something else than etcd 3.4 over gRPC, and why. */
import {
  RangeRequest_SortOrder as Order,
  RangeRequest_SortTarget as SortTarget,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import type { Difference } from './difference.ts';
import { rangeAt } from './operation-at.ts';
import { openDeleteRow } from './raw-generator.ts';

export interface AllowedDifference {
  readonly name: string;
  readonly reason: string;
  /** Only because the etcd that is asked is 3.4 and Lockstep follows 3.6. */
  readonly onlyIn34: boolean;
  /** Rows of requests that only Lockstep is asked have none. */
  readonly allows?: (difference: Difference) => boolean;
}

/** The row for the mark of a delete at a compaction. */
export const lostDeleteRow =
  'a watch from the revision of a compaction, at which a key was deleted';
export const negativeStartRow = 'a watch from before the first revision';

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    name: openDeleteRow,
    reason:
      'etcd 3.4 takes a delete whose range has no end for an empty one when it looks for keys that a ' +
      'transaction writes twice, runs it, and can crash. Only Lockstep is asked, and must refuse it.',
    onlyIn34: true,
  },
  {
    name: 'an order or a target of sorting that there is not',
    reason:
      'etcd 3.4 sorts by nothing, or crashes. Only Lockstep is asked, and must refuse it as etcd does since 3.5.',
    onlyIn34: true,
  },
  {
    name: lostDeleteRow,
    reason:
      'etcd 3.4 drops the mark of a delete when the compaction is at its very revision, so that a watch ' +
      'from there is not told of it. Lockstep keeps it, as etcd does since 3.6.',
    onlyIn34: true,
  },
  {
    name: negativeStartRow,
    reason:
      'etcd 3.4 creates the watch and ends it as compacted. Only Lockstep is asked, and must refuse it ' +
      'without an id, as etcd does since 3.6.',
    onlyIn34: true,
  },
  {
    name: 'sorting by something else than the key, without an order, with a limit',
    reason:
      'etcd takes "no order" for ascending only after it has fetched the first pairs up to the limit ' +
      'and one more, and sorts these. Lockstep sorts all, as it does when the order is named.',
    onlyIn34: false,
    allows: (difference) => {
      const range = rangeAt(difference);
      return (
        difference.path.includes('.kvs') &&
        range !== undefined &&
        range.sortTarget !== SortTarget.KEY &&
        range.sortOrder === Order.NONE &&
        range.limit > 0n
      );
    },
  },
  {
    name: 'the header of alarms',
    reason: 'etcd 3.4 answers Alarm without a header. Lockstep sends one, as etcd does since 3.5.',
    onlyIn34: true,
    allows: ({ request, path, etcd }) =>
      request.kind === 'call' &&
      request.method.name === 'Alarm' &&
      path === '.answers.0.header' &&
      etcd === null,
  },
];

/** Counts how often each allowed difference was met. */
export class AllowList {
  readonly #used = new Map(allowedDifferences.map(({ name }) => [name, 0]));

  /** Whether it may differ like this; counted if so. */
  allows(difference: Difference): boolean {
    const row = allowedDifferences.find((each) => each.allows?.(difference) === true);
    if (row === undefined) return false;
    this.count(row.name);
    return true;
  }

  count(name: string): void {
    if (!this.#used.has(name)) throw new Error(`the list has no row "${name}"`);
    this.#used.set(name, (this.#used.get(name) ?? 0) + 1);
  }

  /** Rows that nothing needed. */
  get unused(): readonly string[] {
    return [...this.#used].flatMap(([name, count]) => (count === 0 ? [name] : []));
  }

  table(): string {
    const rows = allowedDifferences.map(
      ({ name, reason, onlyIn34 }) =>
        `${`${this.#used.get(name)}`.padStart(7)}  ${name}${onlyIn34 ? ' (3.4 only)' : ''}\n         ${reason}`,
    );
    return ['allowed differences, and how often they were met:', ...rows].join('\n');
  }
}
