import { invalid } from '@lockstep/client';

/** @throws InvalidError, with what is wrong, when a recipe cannot have this name. */
export function checkedName(name: string): string {
  return checked('name', name, [
    [/\/$/, 'ends with a slash, which stands between the name and what is below it'],
  ]);
}

/** @throws InvalidError, with what is wrong, when nobody can have this id. */
export function checkedId(id: string): string {
  return checked('id', id, [[/\//, 'has a slash, which stands between names and ids']]);
}

/** @throws InvalidError when it is no whole number of at least 1. */
export function checkedCount(count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw invalid(`count is ${count}; it must be a whole number, 1 or more`);
}

function checked(
  what: 'name' | 'id',
  text: string,
  faults: readonly (readonly [RegExp, string])[],
): string {
  const fault =
    typeof text !== 'string'
      ? 'is no text'
      : text === ''
        ? 'is empty'
        : /\p{Surrogate}/u.test(text)
          ? 'is no text: it has half of a surrogate pair'
          : faults.find(([pattern]) => pattern.test(text))?.[1];
  if (fault === undefined) return text;
  throw invalid(`the ${what} ${JSON.stringify(text)} ${fault}`);
}
