/** Where Lockstep may answer something else than etcd 3.4, and why. */
import { errorTable } from '@lockstep/client/protocol';
import { type Finding, lostDeletes } from './compare.ts';
import { formOf } from './key-space.ts';

export interface AllowedDifference {
  readonly name: string;
  readonly reason: string;
  /** Only because the etcd that is asked is 3.4 and Lockstep follows 3.6. */
  readonly onlyIn34: boolean;
  allows(finding: Finding): boolean;
}

/** The row for transactions that only Lockstep is asked. */
export const openDeleteInTxn = 'a delete without an end beside a put of a transaction';

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    name: 'a first compaction at revision 0',
    reason:
      'etcd takes it once, on a store that was never compacted, and does nothing. Lockstep refuses it as ' +
      'it refuses every compaction of what is compacted: there is no revision 0.',
    onlyIn34: false,
    allows: ({ request, field, answers: { etcd, lockstep } }) =>
      request.kind === 'compact' &&
      request.revision === 0 &&
      field === 'outcome' &&
      etcd?.kind === 'compact' &&
      lockstep?.kind === 'refused' &&
      lockstep.text.startsWith(errorTable.compacted.text),
  },
  {
    name: openDeleteInTxn,
    reason:
      'etcd 3.4 takes a delete whose range has no end for an empty one when it looks for keys that a ' +
      'transaction writes twice, runs it, and can crash. Only Lockstep is asked, and must refuse it.',
    onlyIn34: true,
    allows: () => false,
  },
  {
    name: 'the revision of an inner transaction',
    reason:
      'etcd leaves the header of a transaction within a transaction empty. Lockstep says the ' +
      "store's revision after it, as it does for every other operation.",
    onlyIn34: false,
    allows: ({ path, field, etcd, answers }) =>
      path !== '' && field === 'revision' && etcd === 0 && answers.etcd?.kind === 'txn',
  },
  {
    name: 'sorting by something else than the key, without an order, with a limit',
    reason:
      'etcd takes "no order" for ascending only after it has fetched the first pairs up to the limit ' +
      'and one more, and sorts these. Lockstep sorts all, as it does when the order is named.',
    onlyIn34: false,
    allows: ({ request, field, answers }) =>
      field === 'kvs' &&
      request.kind === 'range' &&
      request.sortTarget !== 'key' &&
      request.sortOrder === 'none' &&
      request.limit > 0 &&
      answers.etcd?.kind === 'range' &&
      answers.etcd.count > request.limit + 1,
  },
  {
    name: 'a watch from the revision of a compaction, at which a key was deleted',
    reason:
      'etcd 3.4 drops the mark of a delete when the compaction is at its very revision, so that a watch ' +
      'from there is not told of it. Lockstep keeps it, as etcd does since 3.6.',
    onlyIn34: true,
    allows: ({ request, field }) =>
      request.kind === 'watch' && request.startRevision > 0 && field === lostDeletes,
  },
  {
    name: 'a watch of a range that ends before it starts',
    reason:
      'etcd refuses it ("mvcc: watcher range is empty"). Lockstep has no such error: it keeps the watch, ' +
      'which is never told anything, if its first revision is not compacted.',
    onlyIn34: false,
    allows: ({ request, answers: { etcd, lockstep }, compacted }) =>
      request.kind === 'watch' &&
      formOf(request) === 'end before start' &&
      etcd?.kind === 'refused' &&
      etcd.text === 'mvcc: watcher range is empty' &&
      (lockstep?.kind === 'watch' ||
        (lockstep?.kind === 'refused' && lockstep.compactRevision === compacted)),
  },
];

/** Counts how often each allowed difference was met. */
export class AllowList {
  readonly #used = new Map(allowedDifferences.map(({ name }) => [name, 0]));

  /** Whether it may differ like this; counted if so. */
  allows(finding: Finding): boolean {
    const row = allowedDifferences.find((each) => each.allows(finding));
    if (row === undefined) return false;
    this.count(row.name);
    return true;
  }

  count(name: string): void {
    this.#used.set(name, (this.#used.get(name) ?? 0) + 1);
  }

  table(): string {
    const rows = allowedDifferences.map(
      ({ name, reason, onlyIn34 }) =>
        `${`${this.#used.get(name)}`.padStart(7)}  ${name}${onlyIn34 ? ' (3.4 only)' : ''}\n         ${reason}`,
    );
    return ['allowed differences, and how often they were met:', ...rows].join('\n');
  }
}
