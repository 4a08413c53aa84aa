import { limits } from '@lockstep/client/protocol';
import { Random } from '../../../server/src/core/base/random.ts';
import { randomKeys, wideRanges } from './key-space.ts';
import type { Answer, Request, Watch } from './model.ts';
import { type History, leaseIds, randomDelete, randomPut, randomRange } from './operations.ts';
import { randomTxn } from './txn-generator.ts';

const watchesMax = 6;

/**
 * The requests of one seed. What it makes depends on the seed, the revision at which it begins and
 * the answers that it is told; so all that it makes moves along with the first revision.
 */
export class Generator implements History {
  readonly #random: Random;
  readonly #leases = new Set<string>();
  readonly #watches = new Set<number>();
  /** What must follow before anything else. */
  readonly #next: Request[] = [];
  #revision: number;
  #compacted: number;
  #watchCount = 0;

  /** @param revision the newest, which is compacted. */
  constructor(seed: number, revision: number) {
    this.#random = new Random(seed);
    this.#revision = revision;
    this.#compacted = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  get compacted(): number {
    return this.#compacted;
  }

  get leases(): readonly string[] {
    return [...this.#leases];
  }

  /** Those that were created and not canceled. */
  get watches(): readonly number[] {
    return [...this.#watches];
  }

  someRevision(random: Random): number {
    const kept = this.#revision - this.#compacted;
    return this.#revision - random.below(random.oneIn(3) ? kept + 1 : Math.min(8, kept + 1));
  }

  next(): Request {
    return this.#next.shift() ?? this.#any();
  }

  #any(): Request {
    const random = this.#random;
    const at = random.below(100);
    if (at < 26) return randomPut(random, this);
    if (at < 48) return randomRange(random, this);
    if (at < 56) return randomDelete(random, this);
    if (at < 80) return randomTxn(random, this);
    if (at < 82) return this.#compact();
    if (at < 95) return this.#lease();
    return this.#watch();
  }

  #compact(): Request {
    const random = this.#random;
    const physical = random.oneIn(2);
    const revision = (): number => {
      if (random.oneIn(6)) return this.#revision + 1 + random.below(3);
      if (random.oneIn(5)) return Math.max(0, this.#compacted - random.below(3));
      if (random.oneIn(3)) return this.#revision;
      return this.someRevision(random);
    };
    return { kind: 'compact', revision: revision(), physical };
  }

  #lease(): Request {
    const random = this.#random;
    const id = random.pick(leaseIds);
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#grant(id);
      case 3:
      case 4:
        return { kind: 'revoke', id };
      case 5:
        return { kind: 'keepAlive', id };
      case 6:
        return { kind: 'leases' };
      default:
        return { kind: 'timeToLive', id, keys: !random.oneIn(4) };
    }
  }

  #grant(id: string): Request {
    const random = this.#random;
    if (random.oneIn(8)) {
      return { kind: 'grant', id, ttl: limits.leaseTtlMax + random.below(2) };
    }
    if (random.oneIn(8)) {
      // Shorter than what is granted at least; it must not end by itself while the run goes on.
      if (!this.#leases.has(id)) this.#next.push({ kind: 'revoke', id });
      return { kind: 'grant', id, ttl: random.below(2) };
    }
    return { kind: 'grant', id, ttl: 1_000 + random.below(9_000) };
  }

  #watch(): Request {
    const random = this.#random;
    const open = this.watches;
    if (open.length === watchesMax || (open.length > 0 && random.oneIn(4))) {
      return { kind: 'cancel', watch: random.pick(open) };
    }
    const watch: Watch = {
      kind: 'watch',
      watch: this.#watchCount++,
      ...(random.oneIn(2) ? randomKeys(random) : random.pick(wideRanges)),
      startRevision: this.#startRevision(),
      prevKv: random.oneIn(2),
      noPut: random.oneIn(6),
      noDelete: random.oneIn(6),
      progress: random.oneIn(4),
    };
    return watch;
  }

  #startRevision(): number {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return this.#revision + 1 + random.below(4);
      case 1:
        return Math.max(1, this.#compacted - random.below(2));
      case 2:
        return this.#compacted + 1;
      case 3:
      case 4:
        return this.someRevision(random);
      default:
        return 0;
    }
  }

  /** Takes note of what a request did. */
  learn(request: Request, answer: Answer | undefined): void {
    if (request.kind === 'cancel') this.#watches.delete(request.watch);
    if (answer === undefined || answer.kind === 'refused') return;
    if ('revision' in answer) this.#revision = Math.max(this.#revision, answer.revision);
    if (request.kind === 'compact') this.#compacted = request.revision;
    if (request.kind === 'grant') this.#leases.add(request.id);
    if (request.kind === 'revoke') this.#leases.delete(request.id);
    if (request.kind === 'watch') this.#watches.add(request.watch);
  }
}
