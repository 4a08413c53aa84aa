import { InvalidError, type KeyValue } from '@lockstep/client';

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
            : undefined;
  if (fault === undefined) return name;
  throw new InvalidError('invalid_params', `the name ${JSON.stringify(name)} ${fault}`);
}

/**
 * Whether a key is a place right under a prefix. Below a lock's name there may be others' keys: the places of
 * a lock whose name goes on, `jobs/nightly` below `jobs`.
 */
export function isPlace({ wireKey }: KeyValue, prefix: string): boolean {
  return (
    typeof wireKey === 'string' &&
    wireKey.startsWith(prefix) &&
    !wireKey.includes('/', prefix.length)
  );
}
