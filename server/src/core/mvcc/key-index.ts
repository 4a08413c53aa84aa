import sortedBtree from 'sorted-btree';
import { latestOf, type Versions } from './key-history.ts';
import type { KeyRange } from './key-range.ts';
import { isTombstone } from './key-value.ts';
import type { ByteString } from './values.ts';

// The package is CommonJS, so its class hides behind the default of the default import.
const BTree = sortedBtree.default;
type Tree = InstanceType<typeof BTree<ByteString, Versions>>;
type Visit = (versions: Versions, key: ByteString) => boolean;

/**
 * The versions of every key, in key order. Keys that exist now and keys that were deleted stand apart: of the latter
 * only a read of the past has a use, and where keys come and go (a queue for a lock, a service's instances) there
 * are a thousand times as many of them.
 */
export class KeyIndex {
  readonly #living: Tree = new BTree<ByteString, Versions>(undefined, compareBytes);
  readonly #deleted: Tree = new BTree<ByteString, Versions>(undefined, compareBytes);

  get(key: ByteString): Versions | undefined {
    return this.#living.get(key) ?? this.#deleted.get(key);
  }

  /** @param previous what {@link get} gives. */
  set(key: ByteString, versions: Versions, previous: Versions | undefined): void {
    const to = this.#treeOf(versions);
    const from = previous === undefined ? to : this.#treeOf(previous);
    if (from !== to) from.delete(key);
    to.set(key, versions);
  }

  delete(key: ByteString): void {
    if (!this.#deleted.delete(key)) this.#living.delete(key);
  }

  forEach(visit: (versions: Versions) => void): void {
    for (const tree of [this.#living, this.#deleted]) {
      tree.forEachPair((_key, versions) => visit(versions));
    }
  }

  /**
   * Calls `visit` with the versions of every key of the range above `after` in order, until it returns true.
   * @param withDeleted whether keys that do not exist now are among them.
   * @returns the key it stopped at, or undefined at the end of the range.
   */
  walk(
    range: KeyRange,
    after: ByteString,
    withDeleted: boolean,
    visit: Visit,
  ): ByteString | undefined {
    if (range.rangeEnd === '') {
      const tree = withDeleted ? this : this.#living;
      const versions = after < range.key ? tree.get(range.key) : undefined;
      return versions !== undefined && visit(versions, range.key) ? range.key : undefined;
    }
    const low = after > range.key ? after : range.key;
    if (!withDeleted || this.#deleted.size === 0) {
      return walkTree(this.#living, { ...range, key: low }, after, visit);
    }
    const dead = new DeadKeys(this.#deleted, { ...range, key: low }, after);
    const stopped = walkTree(this.#living, { ...range, key: low }, after, (versions, key) => {
      dead.visitBelow(key, visit);
      return dead.stoppedAt !== undefined || visit(versions, key);
    });
    if (dead.stoppedAt === undefined && stopped === undefined) dead.visitBelow(undefined, visit);
    return dead.stoppedAt ?? stopped;
  }

  #treeOf(versions: Versions): Tree {
    return isTombstone(latestOf(versions)) ? this.#deleted : this.#living;
  }
}

function walkTree(
  tree: Tree,
  { key: low, rangeEnd }: KeyRange,
  after: ByteString,
  visit: Visit,
): ByteString | undefined {
  const toTheEnd = rangeEnd === '\0';
  const high = toTheEnd ? tree.maxKey() : rangeEnd;
  if (high === undefined || high < low) return undefined;
  const stopped = tree.forRange(low, high, toTheEnd, (key, versions) => {
    if (key === after || !visit(versions, key)) return;
    return { break: key };
  });
  return typeof stopped === 'string' ? stopped : undefined;
}

/** The deleted keys of a range, taken bit by bit while the others are walked. */
class DeadKeys {
  readonly #pairs: IterableIterator<[ByteString, Versions]>;
  readonly #rangeEnd: ByteString;
  #next: [ByteString, Versions] | undefined;
  stoppedAt: ByteString | undefined;

  constructor(tree: Tree, { key: low, rangeEnd }: KeyRange, after: ByteString) {
    this.#rangeEnd = rangeEnd;
    this.#pairs = tree.entries(low);
    this.#step();
    if (this.#next?.[0] === after) this.#step();
  }

  /** Visits those below a key, or all that are left, until `visit` returns true. */
  visitBelow(key: ByteString | undefined, visit: Visit): void {
    while (this.#next !== undefined && (key === undefined || this.#next[0] < key)) {
      const [dead, versions] = this.#next;
      this.#step();
      if (!visit(versions, dead)) continue;
      this.stoppedAt = dead;
      return;
    }
  }

  #step(): void {
    const { value: next } = this.#pairs.next() as IteratorResult<[ByteString, Versions], undefined>;
    const isOver = next === undefined || (this.#rangeEnd !== '\0' && !(next[0] < this.#rangeEnd));
    this.#next = isOver ? undefined : next;
  }
}

function compareBytes(left: ByteString, right: ByteString): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
