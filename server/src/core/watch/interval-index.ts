import type { KeyRange } from '../mvcc/key-range.ts';

interface Node<Value> {
  readonly start: string;
  /** Undefined: no end. */
  readonly end: string | undefined;
  readonly values: Set<Value>;
  /** The highest end in the subtree; undefined: no end. */
  highest: string | undefined;
  left: Node<Value> | undefined;
  right: Node<Value> | undefined;
  height: number;
}

/**
 * Values by range of keys, found by a key that the range holds: a balanced tree (AVL) ordered by
 * (start, end) in which every node knows the highest end below it. Finding costs the depth and what
 * is found. Clients choose the ranges, so the depth must not depend on their choice.
 */
export class IntervalIndex<Value> {
  #root: Node<Value> | undefined;

  /** How many nodes a key passes at most where no range holds it. */
  get depth(): number {
    return heightOf(this.#root);
  }

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

/** One key is the range up to the next possible key. */
function endOf({ key, rangeEnd }: KeyRange): string | undefined {
  if (rangeEnd === '') return `${key}\0`;
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
  node.height = 1 + Math.max(heightOf(node.left), heightOf(node.right));
  return node;
}

function heightOf(node: { readonly height: number } | undefined): number {
  return node?.height ?? 0;
}

function insert<Value>(
  node: Node<Value> | undefined,
  start: string,
  end: string | undefined,
  value: Value,
): Node<Value> {
  if (node === undefined) {
    const values = new Set([value]);
    return { start, end, values, highest: end, left: undefined, right: undefined, height: 1 };
  }
  const order = compare(node, start, end);
  if (order === 0) {
    node.values.add(value);
    return node;
  }
  if (order < 0) node.left = insert(node.left, start, end, value);
  else node.right = insert(node.right, start, end, value);
  return balanced(node);
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
    if (node.values.size === 0) return joined(node.left, node.right);
  }
  return balanced(node);
}

/** Two subtrees of which all of the left one comes first, about as high as each other. */
function joined<Value>(
  left: Node<Value> | undefined,
  right: Node<Value> | undefined,
): Node<Value> | undefined {
  if (right === undefined) return left;
  const [first, rest] = withoutFirst(right);
  first.left = left;
  first.right = rest;
  return balanced(first);
}

function withoutFirst<Value>(node: Node<Value>): [Node<Value>, Node<Value> | undefined] {
  if (node.left === undefined) return [node, node.right];
  const [first, rest] = withoutFirst(node.left);
  node.left = rest;
  return [first, balanced(node)];
}

/** The subtree of `node`, of which one side may have become too high by one. */
function balanced<Value>(node: Node<Value>): Node<Value> {
  const { left, right } = node;
  const lean = heightOf(left) - heightOf(right);
  if (left !== undefined && lean > 1) {
    const { left: outer, right: inner } = left;
    if (inner === undefined || heightOf(outer) >= heightOf(inner)) return rotateRight(node, left);
    return rotateRight(node, rotateLeft(left, inner));
  }
  if (right !== undefined && lean < -1) {
    const { left: inner, right: outer } = right;
    if (inner === undefined || heightOf(outer) >= heightOf(inner)) return rotateLeft(node, right);
    return rotateLeft(node, rotateRight(right, inner));
  }
  return update(node);
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
