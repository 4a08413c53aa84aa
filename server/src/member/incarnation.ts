const numbersPerLife = 2 ** 20;

/**
 * Where a life of a member begins to count what must not be mistaken for another life's: batches it
 * forwards, reads it asks for. Lives are told apart by 32 random bits, so the numbers of two of
 * them meet only by a chance of one in four billion, and only if both are still on their way.
 */
export function firstOfLife(incarnation: number): number {
  return (incarnation % 2 ** 32) * numbersPerLife;
}
