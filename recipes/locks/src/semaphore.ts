import {
  type CallOptions,
  type Client,
  compare,
  invalid,
  type KeyValue,
  op,
  type Session,
} from '@lockstep/client';
import { type Claim, claimsOf } from './claim.ts';
import { NoLimitError } from './errors.ts';
import { ghostOf } from './ghosts.ts';
import { checkedHolder, holderOf, type LockHolder, objectIn, record } from './holder.ts';
import { Lock, type Ownership } from './lock.ts';
import { type HolderOptions, Lockable, type TryOptions } from './lockable.ts';
import { checkedName, isPlace } from './name.ts';
import { untilGivenUp } from './patience.ts';
import type { Place } from './place.ts';
import { firstFound, nothingNew } from './queue.ts';
import {
  checkDeclared,
  checkedLimit,
  declareLimit,
  limitIn,
  limitKey,
  resize,
  type StoredLimit,
} from './semaphore-limit.ts';

export interface SemaphoreOptions extends HolderOptions {
  /**
   * The limit that this program declares: written by whoever is first, and compared with what the others declare.
   * Left out, the stored one is taken, which there must be then.
   */
  readonly limit?: number;
  /** What to do when others declare another limit: throw a LimitMismatchError (the default), or `adopt` theirs. */
  readonly onMismatch?: 'error' | 'adopt';
  /** How much of the limit one permit takes. Default 1. */
  readonly weight?: number;
}

export interface WeightOption extends TryOptions {
  /** How much of the limit this permit takes. Default: the semaphore's. */
  readonly weight?: number;
}

export interface PermitHolder extends LockHolder {
  readonly weight: number;
}

export interface SemaphoreState {
  /** In force. */
  readonly limit: number;
  /** What programs declare; another than the limit since somebody resized it. */
  readonly declared: number;
  readonly inUse: number;
  readonly holders: readonly PermitHolder[];
  /** Who waits, next first. */
  readonly waiting: readonly PermitHolder[];
}

/**
 * Permits, up to a limit that is stored and can be changed while they are held. First come, first served: a heavy one
 * at the head of the queue is not overtaken by light ones.
 *
 * Not promised: that holders have an order to fence by. A permit's `txn()` is guarded like any lock's.
 */
export class Semaphore extends Lockable<Lock, WeightOption> {
  readonly name: string;
  readonly #options: SemaphoreOptions;

  /** @throws InvalidError when the name or an option is wrong. */
  constructor(session: Session, name: string, options: SemaphoreOptions = {}) {
    super(session);
    this.name = checkedName(name);
    this.#options = options;
    if (options.limit !== undefined) checkedLimit(options.limit);
    checkedWeight(options.weight);
    checkedHolder(options);
    if (!['error', 'adopt', undefined].includes(options.onMismatch)) {
      throw invalid(
        `onMismatch is ${JSON.stringify(options.onMismatch)}; it must be 'error' or 'adopt'`,
      );
    }
    ghostOf(options);
  }

  override [claimsOf](options: WeightOption = {}): readonly Claim[] {
    const weight = checkedWeight(options.weight ?? this.#options.weight);
    const permits = `${this.name}/permits/`;
    return [
      {
        name: this.name,
        lock: `semaphore ${this.name}`,
        ghost: ghostOf(this.#options, permits),
        prefix: permits,
        scope: permits,
        value: (held) => JSON.stringify({ ...record(this.#options), weight, held }),
        // Nobody is let in before whoever is before him; so whoever is before a holder is one, or gone.
        judge: (kv) => (!isPlace(kv, permits) ? 'stranger' : isHeld(kv) ? 'clears' : 'blocks'),
        free: async (call) => {
          const { stored, kvs } = await this.#look(weight, call);
          const places = kvs.filter((kv) => isPlace(kv, permits));
          if (!places.every(isHeld) || weightOf(places) + weight > stored.limit) return undefined;
          const sameLimit = compare.modRevision(limitKey(this.name), '=', stored.modRevision);
          return [sameLimit, nothingNew(permits, kvs)];
        },
        admit: (place, signal, queued) => this.#admit(place, weight, { signal, queued }),
      },
    ];
  }

  protected override hold(ownership: Ownership): Lock {
    return new Lock(ownership);
  }

  /**
   * Changes the limit in force. Growing lets waiters in; shrinking takes nothing from those who hold, and lets nobody
   * in until they are few enough. 0 is a pause: everybody waits.
   * @throws InvalidError; what a call can end in.
   */
  async resize(limit: number): Promise<void> {
    await resize(this.session.client, this.name, limit);
  }

  /** @throws NoLimitError when there is no such semaphore. */
  inspect(): Promise<SemaphoreState> {
    return inspectSemaphore(this.session.client, this.name);
  }

  /** The stored limit, which the first one who looks writes, and everything under the permits' prefix. */
  async #look(
    weight: number,
    call: CallOptions,
  ): Promise<{ readonly stored: StoredLimit; readonly kvs: readonly KeyValue[] }> {
    const { limit: declared, onMismatch = 'error' } = this.#options;
    for (;;) {
      const { stored, kvs } = await read(this.session.client, this.name, call);
      if (stored !== undefined) {
        if (declared !== undefined && onMismatch === 'error') {
          checkDeclared(this.name, declared, stored);
        }
        checkWeight(this.name, weight, stored.limit);
        return { stored, kvs };
      }
      if (declared === undefined) throw new NoLimitError(this.name);
      // Whoever asks for what he can never have declares nothing.
      checkWeight(this.name, weight, declared);
      await declareLimit(this.session.client, this.name, declared, call);
    }
  }

  /** Waits, with only holders before it, until they leave room for it, and marks it as one of them. */
  async #admit(
    place: Place,
    weight: number,
    waiting: { readonly signal: AbortSignal; queued(): void },
  ): Promise<void> {
    const { signal } = waiting;
    const { client, leaseId: lease } = this.session;
    const also = limitKey(this.name);
    const { prefix } = place.spot;
    for (;;) {
      const { kvs, also: kv, revision } = await place.older({ signal, also });
      if (kv === undefined) throw new NoLimitError(this.name);
      const stored = limitIn(kv);
      checkWeight(this.name, weight, stored.limit);
      const used = weightOf(kvs.filter((older) => isPlace(older, prefix)));
      if (used + weight <= stored.limit) {
        const { succeeded } = await client
          .txn()
          .if(place.isTaken, compare.modRevision(also, '=', stored.modRevision))
          .do(op.put(place.key, place.spot.value(true), { lease }))
          .commit({ signal, timeoutMs: untilGivenUp });
        if (succeeded) return;
      } else {
        waiting.queued();
        await this.#untilChange(prefix, revision, signal);
      }
    }
  }

  /** Waits until a place is given up, or the limit is changed. Only the head of the queue waits like this. */
  async #untilChange(prefix: string, revision: number, signal: AbortSignal): Promise<void> {
    const limit = limitKey(this.name);
    const ranges = [{ prefix }, limit];
    const watching = { ranges, startRevision: revision + 1, keysOnly: true, signal };
    await firstFound(this.session.client, watching, (events) =>
      events.find(({ type, kv }) => type === 'delete' || kv.wireKey === limit),
    );
  }
}

/** What a semaphore is like now, for those who only look. @throws NoLimitError when there is no such semaphore. */
export async function inspectSemaphore(client: Client, name: string): Promise<SemaphoreState> {
  const { stored, kvs } = await read(client, checkedName(name));
  if (stored === undefined) throw new NoLimitError(name);
  const places = kvs.filter((kv) => isPlace(kv, `${name}/permits/`));
  const shown = (some: readonly KeyValue[]): readonly PermitHolder[] =>
    some.map((kv) => ({ ...holderOf(kv), weight: weightOf([kv]) }));
  const holders = places.filter(isHeld);
  return {
    limit: stored.limit,
    declared: stored.declared,
    inUse: weightOf(holders),
    holders: shown(holders),
    waiting: shown(places.filter((kv) => !isHeld(kv))),
  };
}

/** Changes the limit of a semaphore, or makes one. @throws InvalidError; what a call can end in. */
export function resizeSemaphore(client: Client, name: string, limit: number): Promise<void> {
  return resize(client, checkedName(name), limit);
}

async function read(
  client: Client,
  name: string,
  call: CallOptions = {},
): Promise<{ readonly stored: StoredLimit | undefined; readonly kvs: readonly KeyValue[] }> {
  const byAge = { sortTarget: 'create', sortOrder: 'ascend' } as const;
  const reply = await client
    .txn()
    .do(op.get(limitKey(name)), op.range({ prefix: `${name}/permits/` }, byAge))
    .commit(call);
  if (!reply.succeeded) throw new Error('a transaction without conditions failed them');
  const [{ kv }, { kvs }] = reply.results;
  return { stored: kv === undefined ? undefined : limitIn(kv), kvs };
}

function isHeld(kv: KeyValue): boolean {
  return objectIn(kv).held === true;
}

function weightOf(kvs: readonly KeyValue[]): number {
  return kvs.reduce((sum, kv) => {
    const { weight } = objectIn(kv);
    return sum + (typeof weight === 'number' ? weight : 1);
  }, 0);
}

function checkedWeight(weight = 1): number {
  if (Number.isSafeInteger(weight) && weight > 0) return weight;
  throw invalid(`the weight is ${weight}; it must be a whole number, 1 or more`);
}

/** What could never be let in must not stand before others. A limit of 0 is a pause, and ends. */
function checkWeight(name: string, weight: number, limit: number): void {
  if (limit === 0 || weight <= limit) return;
  throw invalid(
    `a permit of weight ${weight} can never be had: the limit of ${JSON.stringify(name)} is ${limit}`,
  );
}
