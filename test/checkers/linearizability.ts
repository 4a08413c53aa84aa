import { answersDiffer } from './answers.ts';
import { Evidence } from './evidence.ts';
import type { Answer, Ask, Operation, Request, WatcherRecord } from './history.ts';
import { checkEndsOfLeases, promisesOf } from './lease-rules.ts';
import { hasWritten, Model } from './model.ts';
import { lineOf, Violation } from './violation.ts';

export interface LinearizabilityReport {
  /** The one order of writes that explains the history. */
  readonly model: Model;
  /** Operations that had a place in it and gave its answer. */
  readonly checked: number;
  /** Writes whose caller never heard of them and that took effect. */
  readonly unknownWrites: number;
  /** Leases that ended by themselves. */
  readonly expiries: number;
  /** Revisions that no answer told of: what the model has there may have happened so, or in another order. */
  readonly guessed: ReadonlySet<number>;
}

/** So many ways to fill what no answer tells of are tried before the checker gives up, loudly. */
const triesMax = 200_000;

/** What was written at one revision: by a client, or by a lease that ended. */
type Cause =
  | { readonly type: 'operation'; readonly operation: Operation }
  | { readonly type: 'expiry'; readonly lease: string };

/** A revision that no answer told of, and what is still to be tried for it. */
interface Gap {
  readonly revision: number;
  readonly left: Cause[];
  /** What was there before, and what had been used. */
  readonly place: string;
}

/**
 * Strict serializability of everything that clients did: there is one order of all operations that gives each its answer, and in
 * which whoever called after another had returned comes later (Herlihy and Wing, "Linearizability", 1990). The revision in an
 * answer is the witness of that order, so it need not be searched for; only revisions that no answer tells of are, among the
 * operations whose outcome is unknown and the leases that could end.
 *
 * Serializable reads may be old: they must show a state that was, and none of the future.
 *
 * @throws Violation; Error when there are too many ways to try.
 */
export function checkLinearizable(history: {
  readonly operations: readonly Operation[];
  readonly watchers: readonly WatcherRecord[];
}): LinearizabilityReport {
  const { operations, watchers } = history;
  try {
    return new Search(operations, watchers, true).run();
  } catch (error) {
    // What was read of the past may tell states apart that are the same now: only then the long way is gone.
    if (!(error instanceof Violation)) throw error;
    return new Search(operations, watchers, false).run();
  }
}

class Search {
  readonly #model = new Model();
  readonly #operations: readonly Operation[];
  /** Surely written at that revision. */
  readonly #writes = new Map<number, Operation>();
  /** Answered at that revision without a write. */
  readonly #observers = new Map<number, Operation[]>();
  /** Revokes tell no number of keys: they wrote if the lease had any. */
  readonly #revokes = new Map<number, Operation[]>();
  readonly #unknown: Operation[];
  readonly #evidence: Evidence;
  readonly #seenAt: Float64Array;
  readonly #promises: ReadonlyMap<string, number>;
  /** What was placed at each revision. */
  readonly #placed: Cause[] = [];
  readonly #used = new Set<number>();
  readonly #guessed = new Set<number>();
  readonly #last: number;
  #deepest: { readonly revision: number; readonly violation: Violation } | undefined;

  /** Gaps that were tried in vain, by what was before them. Leases that end in another order come to the same. */
  readonly #dead = new Set<string>();
  readonly #remembers: boolean;

  constructor(
    operations: readonly Operation[],
    watchers: readonly WatcherRecord[],
    remembers: boolean,
  ) {
    this.#remembers = remembers;
    this.#operations = operations;
    for (const operation of operations) this.#sort(operation);
    this.#unknown = operations.filter(
      ({ outcome, request }) => outcome.type === 'unknown' && writes(request),
    );
    this.#evidence = new Evidence(operations, watchers);
    const known = [...this.#writes.keys(), ...this.#observers.keys(), ...this.#revokes.keys()];
    this.#last = known.reduce((most, revision) => Math.max(most, revision), this.#evidence.last);
    this.#seenAt = this.#firstSeen();
    this.#promises = promisesOf(operations);
  }

  run(): LinearizabilityReport {
    checkEndsOfLeases(this.#operations);
    this.#observe(1);
    this.#placeAll();
    this.#checkRealTime();
    const causes = this.#placed.filter((cause) => cause !== undefined);
    const unknown = causes.filter(
      (cause) => cause.type === 'operation' && cause.operation.outcome.type === 'unknown',
    ).length;
    const expiries = causes.filter(({ type }) => type === 'expiry').length;
    const observers = [...this.#observers.values()].reduce((sum, all) => sum + all.length, 0);
    const revokes = [...this.#revokes.values()].flat().length;
    const revoked = causes.filter(
      (cause) =>
        cause.type === 'operation' &&
        cause.operation.request.type === 'revoke' &&
        cause.operation.outcome.type === 'ok',
    ).length;
    return {
      model: this.#model,
      checked: causes.length - unknown - expiries + observers + revokes - revoked,
      unknownWrites: unknown,
      expiries,
      guessed: this.#guessed,
    };
  }

  #sort(operation: Operation): void {
    const { outcome, request } = operation;
    if (outcome.type !== 'ok' || !hasPlace(request)) return;
    const { revision, answer } = outcome;
    const least = hasWritten(answer) ? 2 : 1;
    if (!Number.isSafeInteger(revision) || revision < least) {
      throw new Violation('revision', `${lineOf(operation)} is at no revision that there is`);
    }
    if (request.type === 'revoke') return push(this.#revokes, revision, operation);
    if (!hasWritten(answer)) return push(this.#observers, revision, operation);
    const other = this.#writes.get(revision);
    if (other !== undefined) {
      throw new Violation(
        'one write per revision',
        `${revision} was given to ${lineOf(other)} and to ${lineOf(operation)}`,
      );
    }
    this.#writes.set(revision, operation);
  }

  /** For each revision when somebody was surely told of it or of a later one: what wrote it was called before. */
  #firstSeen(): Float64Array {
    const seen = new Float64Array(this.#last + 2).fill(Number.POSITIVE_INFINITY);
    const note = (revision: number, { returnedAt }: Operation): void => {
      seen[revision] = Math.min(seen[revision] as number, returnedAt);
    };
    for (const [revision, operation] of this.#writes) note(revision, operation);
    for (const many of [this.#observers, this.#revokes]) {
      for (const [revision, all] of many) for (const one of all) note(revision, one);
    }
    for (let at = this.#last - 1; at >= 0; at--) {
      seen[at] = Math.min(seen[at] as number, seen[at + 1] as number);
    }
    return seen;
  }

  /** Depth first, with one place to go back to for each gap. */
  #placeAll(): void {
    const gaps: Gap[] = [];
    let tries = 0;
    while (this.#model.revision < this.#last) {
      const revision = this.#model.revision + 1;
      const known = this.#knownAt(revision);
      if (known !== undefined) {
        if (this.#place(revision, known, false)) continue;
      } else {
        const place = this.#remembers ? this.#placeOf(revision) : '';
        const left = this.#dead.has(place) ? [] : this.#candidates(revision);
        gaps.push({ revision, left, place });
        this.#guessed.add(revision);
      }
      for (;;) {
        const gap = gaps.at(-1);
        if (gap === undefined) throw this.#failure(revision);
        this.#takeBackTo(gap.revision - 1);
        const next = gap.left.shift();
        if (next === undefined) {
          this.#note(
            gap.revision,
            'every write has a cause',
            `nothing explains revision ${gap.revision}`,
          );
          gaps.pop();
          if (this.#remembers) this.#dead.add(gap.place);
          continue;
        }
        if (++tries > triesMax) {
          throw new Error(`the checker gave up after ${triesMax} tries at revision ${revision}`);
        }
        if (this.#place(gap.revision, next, true)) break;
      }
    }
  }

  #placeOf(revision: number): string {
    const used = [...this.#used].sort((one, other) => one - other).join();
    return `${revision} ${used} ${this.#model.digest}`;
  }

  #knownAt(revision: number): Cause | undefined {
    const operation = this.#writes.get(revision);
    if (operation !== undefined) return { type: 'operation', operation };
    const { leases } = this.#model;
    const revoke = this.#revokes
      .get(revision)
      ?.find(({ request }) => request.type === 'revoke' && leases.includes(request.lease));
    return revoke === undefined ? undefined : { type: 'operation', operation: revoke };
  }

  /** What may have written a revision that no answer tells of, the likeliest first. */
  #candidates(revision: number): Cause[] {
    const seenAt = this.#seenAt[revision] as number;
    const operations = this.#unknown.filter(
      ({ id, calledAt, request }) =>
        !this.#used.has(id) && calledAt <= seenAt && this.#evidence.allows(revision, request),
    );
    const promised = (lease: string): number => this.#promises.get(lease) ?? 0;
    const missed = new Map(
      this.#model.leases.map((lease) => [
        lease,
        Math.min(...this.#model.keysOf(lease).map((key) => this.#evidence.missedAt(key, revision))),
      ]),
    );
    // First those that are seen to be gone first.
    const leases = this.#model.leases
      .filter((lease) => promised(lease) <= seenAt)
      .sort(
        (one, other) =>
          (missed.get(one) ?? 0) - (missed.get(other) ?? 0) || promised(one) - promised(other),
      );
    return [
      ...operations.map((operation): Cause => ({ type: 'operation', operation })),
      ...leases.map((lease): Cause => ({ type: 'expiry', lease })),
    ];
  }

  /**
   * False, and nothing changed, when it does not give what was told. Only a guess is held to what is known of its revision: for all
   * others that is told by the rule that they break.
   */
  #place(revision: number, cause: Cause, isGuess: boolean): boolean {
    const answer = this.#runCause(cause);
    const hasRun = this.#model.revision === revision;
    const fault =
      this.#faultOf(revision, cause, answer) ??
      (isGuess ? this.#evidenceFault(revision) : undefined);
    if (!hasRun) {
      if (fault !== undefined) this.#note(revision, 'linearizability', fault);
      return false;
    }
    if (fault === undefined && this.#observe(revision)) {
      this.#placed[revision] = cause;
      if (cause.type === 'operation') this.#used.add(cause.operation.id);
      return true;
    }
    if (fault !== undefined) this.#note(revision, 'linearizability', fault);
    this.#model.takeBack();
    return false;
  }

  #runCause(cause: Cause): Answer {
    if (cause.type === 'expiry') {
      this.#model.endLease(cause.lease);
      return { type: 'done' };
    }
    const { request } = cause.operation;
    if (request.type === 'revoke') {
      this.#model.endLease(request.lease);
      return { type: 'done' };
    }
    // Only what writes has a place here.
    return this.#model.run(request as Ask);
  }

  #faultOf(revision: number, cause: Cause, answer: Answer): string | undefined {
    if (cause.type === 'expiry' || cause.operation.outcome.type !== 'ok') return undefined;
    const difference = answersDiffer(cause.operation.outcome.answer, answer);
    if (difference === undefined) return undefined;
    return `${lineOf(cause.operation)}, where ${difference} at revision ${revision}`;
  }

  #evidenceFault(revision: number): string | undefined {
    return this.#evidence.faultOf(revision, this.#model.events(revision));
  }

  /** Whoever was answered at this revision without a write was shown this state. */
  #observe(revision: number): boolean {
    for (const operation of this.#revokes.get(revision) ?? []) {
      const { request } = operation;
      if (request.type !== 'revoke' || !this.#model.leases.includes(request.lease)) continue;
      const rest = `${lineOf(operation)}, where keys are attached to it at revision ${revision}`;
      this.#note(revision, 'lease', rest);
      return false;
    }
    for (const operation of this.#observers.get(revision) ?? []) {
      const { outcome, request } = operation;
      if (outcome.type !== 'ok') continue;
      const isRead = request.type === 'range';
      // A transaction that wrote nothing leaves the model as it is.
      const due = isRead ? this.#model.read(request) : this.#model.run(request as Ask);
      const wrote = this.#model.revision > revision;
      if (wrote) this.#model.takeBack();
      const difference = wrote ? 'it would have written' : answersDiffer(outcome.answer, due);
      if (difference === undefined) continue;
      const fault = `${lineOf(operation)}, where ${difference} at revision ${revision}`;
      this.#note(revision, 'linearizability', fault);
      if (revision === 1) throw this.#failure(1);
      return false;
    }
    return true;
  }

  #takeBackTo(revision: number): void {
    while (this.#model.revision > revision) {
      const cause = this.#placed[this.#model.revision];
      if (cause?.type === 'operation') this.#used.delete(cause.operation.id);
      this.#placed.length = this.#model.revision;
      this.#model.takeBack();
    }
  }

  #note(revision: number, rule: string, message: string): void {
    if (this.#deepest !== undefined && this.#deepest.revision >= revision) return;
    this.#deepest = { revision, violation: new Violation(rule, message) };
  }

  #failure(revision: number): Violation {
    const fallback = new Violation(
      'every write has a cause',
      `nothing explains revision ${revision}`,
    );
    return this.#deepest?.violation ?? fallback;
  }

  /** Whoever was called after another had returned comes after it, and after it by a revision if it wrote. */
  #checkRealTime(): void {
    const placed = [...this.#allPlaced()];
    const byCall = placed.toSorted((a, b) => a.operation.calledAt - b.operation.calledAt);
    const byReturn = placed
      .filter(({ isOld }) => !isOld)
      .sort((a, b) => a.operation.returnedAt - b.operation.returnedAt);
    let returned = 0;
    let newest: (typeof placed)[number] | undefined;
    for (const later of byCall) {
      for (let next = byReturn[returned]; next !== undefined; next = byReturn[++returned]) {
        if (next.operation.returnedAt >= later.operation.calledAt) break;
        if (newest === undefined || next.revision > newest.revision) newest = next;
      }
      if (newest === undefined || later.isOld) continue;
      const isAfter = later.wrote
        ? later.revision > newest.revision
        : later.revision >= newest.revision;
      if (isAfter) continue;
      throw new Violation(
        'real time',
        `${lineOf(later.operation)} is at revision ${later.revision}, though ${lineOf(newest.operation)} had returned before`,
      );
    }
    this.#checkFuture(placed);
  }

  /** Nothing is read before it is asked for. */
  #checkFuture(placed: readonly Placed[]): void {
    // For each revision the write up to there that was called last.
    const latest: Operation[] = [];
    for (const { operation, revision, wrote } of placed) if (wrote) latest[revision] = operation;
    for (let revision = 1; revision <= this.#last; revision++) {
      const before = latest[revision - 1];
      const own = latest[revision];
      const isLater = own === undefined || (before !== undefined && before.calledAt > own.calledAt);
      if (isLater && before !== undefined) latest[revision] = before;
    }
    for (const { operation, revision } of placed) {
      const writer = latest[revision];
      if (writer === undefined || writer.calledAt <= operation.returnedAt) continue;
      throw new Violation(
        'real time',
        `${lineOf(operation)} shows ${lineOf(writer)}, which was called later`,
      );
    }
  }

  *#allPlaced(): Generator<Placed> {
    for (const [revision, cause] of this.#placed.entries()) {
      if (cause?.type === 'operation') {
        yield { operation: cause.operation, revision, wrote: true, isOld: false };
      }
    }
    const written = new Set(
      this.#placed.map((cause) => (cause?.type === 'operation' ? cause.operation : undefined)),
    );
    for (const [revision, all] of this.#revokes) {
      for (const operation of all) {
        if (!written.has(operation)) yield { operation, revision, wrote: false, isOld: false };
      }
    }
    for (const [revision, all] of this.#observers) {
      for (const operation of all) {
        const { request } = operation;
        const isOld = request.type === 'range' && request.isSerializable === true;
        yield { operation, revision, wrote: false, isOld };
      }
    }
  }
}

interface Placed {
  readonly operation: Operation;
  readonly revision: number;
  readonly wrote: boolean;
  /** It may show an older state. */
  readonly isOld: boolean;
}

function hasPlace({ type }: Request): boolean {
  return ['range', 'put', 'delete', 'txn', 'revoke'].includes(type);
}

function writes(request: Request): boolean {
  if (request.type === 'txn') return [...request.success, ...request.failure].some(writes);
  return ['put', 'delete', 'revoke'].includes(request.type);
}

function push(map: Map<number, Operation[]>, revision: number, operation: Operation): void {
  const all = map.get(revision) ?? [];
  all.push(operation);
  map.set(revision, all);
}
