/** Something that somebody wrote is wrong: what, and what would be right. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}
