import type { KeyRange } from '../mvcc/key-range.ts';

interface Node<Value> {
  readonly start: string;
  /** Undefined: no end. */
  readonly end: string | undefined;
  readonly priority: number;
  readonly values: Set<Value>;
  /** The highest end in the subtree; undefined: no end. */
  highest: string | undefined;
  left: Node<Value> | undefined;
  right: Node<Value> | undefined;
}

/**
 * Values by range of keys, found by a key that the range holds: a treap ordered by (start, end) in
 * which every node knows the highest end below it. Finding costs the depth and what is found.
 * Priorities are drawn from the ranges themselves, so the shape is the same on every run.
 */
export class IntervalIndex<Value> {
  #root: Node<Value> | undefined;

  add(range: KeyRange, value: Value): void {
    this.#root = insert(this.#root, range.key, endOf(range), value);
  }

  remove(range: KeyRange, value: Value): void {
    this.#root = remove(this.#root, range.key, endOf(range), value);
  }

  /** Calls `visit` with every value whose range holds `key`, one that is in several ranges several times. */
  visit(key: string, visit: (value: Value) => void): void {
    find(this.#root, key, visit);
  }
}

function endOf({ rangeEnd }: KeyRange): string | undefined {
  return rangeEnd === '\0' ? undefined : rangeEnd;
}

function find<Value>(
  node: Node<Value> | undefined,
  key: string,
  visit: (value: Value) => void,
): void {
  if (node === undefined || (node.highest !== undefined && node.highest <= key)) return;
  find(node.left, key, visit);
  if (node.start > key) return;
  if (node.end === undefined || key < node.end) for (const value of node.values) visit(value);
  find(node.right, key, visit);
}

function compareEnds(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return left < right ? -1 : 1;
}

function compare<Value>(node: Node<Value>, start: string, end: string | undefined): number {
  if (start !== node.start) return start < node.start ? -1 : 1;
  return compareEnds(end, node.end);
}

function update<Value>(node: Node<Value>): Node<Value> {
  let { end } = node;
  for (const child of [node.left, node.right]) {
    if (child !== undefined && compareEnds(child.highest, end) > 0) end = child.highest;
  }
  node.highest = end;
  return node;
}

function insert<Value>(
  node: Node<Value> | undefined,
  start: string,
  end: string | undefined,
  value: Value,
): Node<Value> {
  if (node === undefined) {
    const priority = priorityOf(start, end);
    const values = new Set([value]);
    return { start, end, priority, values, highest: end, left: undefined, right: undefined };
  }
  const order = compare(node, start, end);
  if (order === 0) {
    node.values.add(value);
    return node;
  }
  if (order < 0) {
    node.left = insert(node.left, start, end, value);
    if (node.left.priority > node.priority) return rotateRight(node, node.left);
  } else {
    node.right = insert(node.right, start, end, value);
    if (node.right.priority > node.priority) return rotateLeft(node, node.right);
  }
  return update(node);
}

function remove<Value>(
  node: Node<Value> | undefined,
  start: string,
  end: string | undefined,
  value: Value,
): Node<Value> | undefined {
  if (node === undefined) return undefined;
  const order = compare(node, start, end);
  if (order < 0) node.left = remove(node.left, start, end, value);
  else if (order > 0) node.right = remove(node.right, start, end, value);
  else {
    node.values.delete(value);
    if (node.values.size === 0) return merge(node.left, node.right);
  }
  return update(node);
}

/** Two subtrees of which all of the left one comes first. */
function merge<Value>(
  left: Node<Value> | undefined,
  right: Node<Value> | undefined,
): Node<Value> | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return update(left);
  }
  right.left = merge(left, right.left);
  return update(right);
}

function rotateRight<Value>(node: Node<Value>, left: Node<Value>): Node<Value> {
  node.left = left.right;
  left.right = update(node);
  return update(left);
}

function rotateLeft<Value>(node: Node<Value>, right: Node<Value>): Node<Value> {
  node.right = right.left;
  right.left = update(node);
  return update(right);
}

/** FNV-1a, mixed once more so that keys that differ in their last byte are far apart. */
function priorityOf(start: string, end: string | undefined): number {
  let hash = 0x811c9dc5;
  for (const text of [start, end ?? '\0']) {
    for (let at = 0; at < text.length; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    }
    hash = Math.imul(hash ^ 0xff, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  return (hash ^ (hash >>> 15)) >>> 0;
}
