import { invalid } from '@lockstep/client';
import { groupPattern } from './policy/group-name.ts';

/** @throws InvalidError. */
export function checkedGroup(group: string): string {
  if (groupPattern.test(group)) return group;
  throw invalid(`the group ${JSON.stringify(group)} must be 1 to 64 letters, digits, "." and "-"`);
}

/** @throws InvalidError. */
export function checkedId(id: string): string {
  // Half of a surrogate pair is no character, and no key can be made of it.
  if (id.trim() !== '' && id.length <= 256 && !/\p{Surrogate}/u.test(id)) return id;
  throw invalid(`the id of a host must have 1 to 256 characters, not ${JSON.stringify(id)}`);
}
