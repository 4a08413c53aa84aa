import { invalid, type KeyValue } from '@lockstep/client';

const noLease = '0';
/** Far above any sane name, far below what a key may have. In characters of JavaScript. */
const nameMax = 1_024;

/** @throws InvalidError when it is no name. */
export function checkedName(name: string): string {
  const fault =
    typeof name !== 'string'
      ? 'is no text'
      : name === ''
        ? 'is empty'
        : name.endsWith('/')
          ? 'ends with a slash, which stands between the name and its places'
          : /\p{Surrogate}/u.test(name)
            ? 'is no text: it has half of a surrogate pair'
            : name.length > nameMax
              ? `is longer than ${nameMax}`
              : undefined;
  if (fault === undefined) return name;
  const shown =
    typeof name === 'string' && name.length > nameMax ? `${name.slice(0, 40)}...` : name;
  throw invalid(`the name ${JSON.stringify(shown)} ${fault}`);
}

/**
 * Whether a key is a place right under a prefix. Below a lock's name there may be others' keys: the places of
 * a lock whose name goes on, `jobs/nightly` below `jobs`; or what somebody keeps there, which no lease ends and
 * for which nobody must wait.
 */
export function isPlace({ wireKey, lease, version }: KeyValue, prefix: string): boolean {
  // The event of a deletion names no lease any more.
  const isLeased = lease !== noLease || version === 0;
  return (
    isLeased &&
    typeof wireKey === 'string' &&
    wireKey.startsWith(prefix) &&
    !wireKey.includes('/', prefix.length)
  );
}
