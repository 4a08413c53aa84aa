/** A broken invariant: the member must stop, because its state can no longer be trusted. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** States what must hold; kept on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** For the `default` of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}
