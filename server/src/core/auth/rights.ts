import type { ByteString } from '@lockstep/client/protocol';
import type { Permission, PermittedRange } from './types.ts';

/** Keys from `start` up to but without `end`; undefined for no end. */
interface Span {
  readonly start: string;
  readonly end: string | undefined;
}

/** What one user may do, its roles taken together. Immutable. */
export class Rights {
  /** In order, and none touches another. */
  readonly #read: readonly Span[];
  readonly #write: readonly Span[];
  readonly isRoot: boolean;

  constructor(permissions: readonly Permission[], isRoot: boolean) {
    this.isRoot = isRoot;
    const spansOf = (unwanted: Permission['kind']): Span[] =>
      permissions.filter(({ kind }) => kind !== unwanted).map(spanOf);
    this.#read = unite(spansOf('write'));
    this.#write = unite(spansOf('read'));
  }

  /**
   * Whether every key of the range is permitted: by one permission, or by several that together leave
   * no gap. A range that holds no key is permitted with the key it begins at.
   */
  permits(action: 'read' | 'write', range: PermittedRange): boolean {
    if (this.isRoot) return true;
    const asked = spanOf(range);
    const isEmpty = asked.end !== undefined && asked.end <= asked.start;
    const { start, end } = isEmpty ? pointOf(range.key) : asked;
    const span = spanAt(action === 'read' ? this.#read : this.#write, start);
    if (span === undefined) return false;
    return span.end === undefined || (end !== undefined && end <= span.end);
  }
}

export const noRights = new Rights([], false);

/** Whether a permission can be given for it: it begins at a key and is not empty. */
export function isPermittable({ key, rangeEnd }: PermittedRange): boolean {
  return key !== '' && (rangeEnd === '' || rangeEnd === '\0' || key < rangeEnd);
}

function spanOf({ key, rangeEnd }: PermittedRange): Span {
  if (rangeEnd === '') return pointOf(key);
  return { start: key, end: rangeEnd === '\0' ? undefined : rangeEnd };
}

/** The next key in byte order is the one with a zero byte more. */
function pointOf(key: ByteString): Span {
  return { start: key, end: `${key}\0` };
}

function unite(spans: Span[]): readonly Span[] {
  const united: Span[] = [];
  spans.sort(({ start: left }, { start: right }) => (left < right ? -1 : left > right ? 1 : 0));
  for (const { start, end } of spans) {
    const last = united.at(-1);
    if (last === undefined || (last.end !== undefined && last.end < start)) {
      united.push({ start, end });
    } else if (last.end !== undefined && (end === undefined || end > last.end)) {
      united[united.length - 1] = { start: last.start, end };
    }
  }
  return united;
}

function spanAt(spans: readonly Span[], key: string): Span | undefined {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const span = spans[middle];
    if (span === undefined || key < span.start) high = middle;
    else if (span.end !== undefined && key >= span.end) low = middle + 1;
    else return span;
  }
  return undefined;
}
