import { InvalidError } from '@lockstep/client';

/** A name as it was given, if a lock can have it. @throws InvalidError */
export function checkedName(name: string): string {
  const fault =
    typeof name !== 'string' || name === ''
      ? 'is empty'
      : name.endsWith('/')
        ? 'ends with a slash, which stands between the name and its places'
        : /\p{Surrogate}/u.test(name)
          ? 'is no text: it has half of a surrogate pair'
          : undefined;
  if (fault === undefined) return name;
  throw new InvalidError('invalid_params', `the name ${JSON.stringify(name)} ${fault}`);
}
