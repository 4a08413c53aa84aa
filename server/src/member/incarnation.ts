const numbersPerLife = 2 ** 20;

/**
 * Where a life of a member begins to count what must not be mistaken for another life's: batches it
 * forwards, reads it asks for. Starts are random, in steps of a million. A life that counts further
 * runs into the range of a neighbour, which matters only if that neighbour was a life of the same
 * member whose answers are still on their way.
 */
export function firstOfLife(incarnation: number): number {
  return (incarnation % 2 ** 32) * numbersPerLife;
}
