import { invalid } from '@lockstep/client';
import { type Claim, claimsOf } from './claim.ts';
import { Lock, type Ownership } from './lock.ts';
import { type AcquireOptions, Lockable } from './lockable.ts';

/** A watch has this many ranges at most, and so many keys one lock can have. */
const locksMax = 64;

/**
 * Several locks as one: all or none. Their places are taken in one transaction, so whoever is before somebody in one
 * queue is before him in all: whatever order they are named in, nobody ever waits for somebody who waits for him.
 */
export class AllOf extends Lockable {
  readonly name: string;
  readonly #locks: readonly Lockable[];

  /** @throws InvalidError when there are none or more than 64, one is named twice, or they are of different sessions. */
  constructor(locks: readonly Lockable[]) {
    const [first] = locks;
    if (first === undefined || locks.length > locksMax) {
      throw invalid(`${locks.length} locks were given; it must be 1 to ${locksMax}`);
    }
    const session = Lockable.sessionOf(first);
    if (locks.some((lock) => Lockable.sessionOf(lock) !== session)) {
      throw invalid('the locks are of different sessions; they must be of one, to be lost as one');
    }
    super(session);
    const claims = locks.flatMap((lock) => lock[claimsOf]());
    const ids = claims.map(({ lock }) => lock);
    const twice = claims.find(({ lock }, at) => ids.indexOf(lock) !== at);
    if (twice !== undefined) {
      throw invalid(
        `the lock ${JSON.stringify(twice.name)} is there twice: it would wait for itself`,
      );
    }
    this.#locks = locks;
    this.name = claims.map(({ name }) => name).join(', ');
  }

  override [claimsOf](): readonly Claim[] {
    return this.#locks.flatMap((lock) => lock[claimsOf]());
  }

  protected override hold(ownership: Ownership): Lock {
    return new Lock(ownership);
  }
}

/** Waits until it has all of the locks, and takes them at once: see {@link AllOf}. */
export function acquireAll(
  locks: readonly Lockable[],
  options: AcquireOptions = {},
): Promise<Lock> {
  return new AllOf(locks).acquire(options);
}
