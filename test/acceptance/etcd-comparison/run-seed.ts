import { errorTable } from '@lockstep/client/protocol';
import { align } from './align.ts';
import { type AllowList, openDeleteInTxn } from './allowed.ts';
import { compareAnswers, compareWatches, type Finding } from './compare.ts';
import { freshCalls } from './fresh.ts';
import { Generator } from './generator.ts';
import type { Answer, Call, ComparedStore, Request, Watch } from './model.ts';
import type { Reach } from './reach.ts';
import { readAll } from './reads.ts';
import { isMisreadByEtcd } from './txn-generator.ts';

/** etcd first: what the requests depend on are its answers. */
export type Pair = readonly [etcd: ComparedStore, lockstep: ComparedStore];

export interface SeedOptions {
  readonly seed: number;
  readonly calls: number;
  readonly reach: Reach;
  readonly allowed: AllowList;
  /** Puts a fault before the second store, to see whether the comparison finds it. */
  readonly plant?: (store: ComparedStore) => ComparedStore;
}

export interface SeedResult {
  /** Empty when the stores behaved alike. After the first call that differs nothing more is asked. */
  readonly findings: readonly Finding[];
  /** Every request so far. */
  readonly requests: readonly Request[];
}

/** Runs one seed on both stores, whatever state they are in. */
export async function runSeed(stores: Pair, options: SeedOptions): Promise<SeedResult> {
  const revision = await align(stores);
  const [etcd, lockstep] = stores;
  const compared = [etcd, options.plant?.(lockstep) ?? lockstep] as const;
  const run = new SeedRun(compared, options, revision);
  const findings = await run.run(options.calls);
  return { findings, requests: run.requests };
}

/** Asks both stores for what shows how they begin, and ends: they must not have been written to yet. */
export async function runFresh(
  stores: Pair,
  { reach, allowed }: Pick<SeedOptions, 'reach' | 'allowed'>,
): Promise<SeedResult> {
  const requests: Request[] = [];
  for (const call of freshCalls) {
    const [etcd, lockstep] = await Promise.all(stores.map((store) => store.call(call)));
    if (etcd === undefined || lockstep === undefined) break;
    requests.push(call);
    reach.request(call, etcd);
    const found = compareAnswers(call, etcd, lockstep, 0);
    const findings = found.filter((finding) => !allowed.allows(finding));
    if (findings.length > 0) return { findings, requests };
  }
  return { findings: [], requests };
}

/** At the end the past is read at so many revisions. */
const pastReads = 12;

class SeedRun {
  readonly requests: Request[] = [];
  readonly #stores: Pair;
  readonly #options: SeedOptions;
  readonly #generator: Generator;
  /** With the last compaction before each was created. */
  readonly #watches = new Map<number, { readonly watch: Watch; readonly created: number }>();

  constructor(stores: Pair, options: SeedOptions, revision: number) {
    this.#stores = stores;
    this.#options = options;
    this.#generator = new Generator(options.seed, revision);
  }

  async run(calls: number): Promise<readonly Finding[]> {
    for (let at = 0; at < calls; at++) {
      const found = await this.#request(this.#generator.next());
      if (found.length > 0) return found;
    }
    for (const call of this.#lastCalls()) {
      const found = await this.#request(call);
      if (found.length > 0) return found;
    }
    const found = await this.#settle();
    for (const watch of this.#watches.keys()) {
      this.#options.reach.watch(this.#stores[0].watchLog(watch));
    }
    return found;
  }

  /** What shows all that there is: the newest state, the past, the leases with their keys. */
  #lastCalls(): Call[] {
    const { revision, compacted, leases } = this.#generator;
    const step = Math.max(1, Math.floor((revision - compacted) / pastReads));
    const past = Array.from({ length: pastReads }, (_, at) => compacted + at * step);
    return [
      ...past.filter((each) => each <= revision).map(readAll),
      readAll(0),
      { kind: 'leases' },
      ...leases.map((id) => ({ kind: 'timeToLive', id, keys: true }) as const),
    ];
  }

  async #request(request: Request): Promise<readonly Finding[]> {
    const { reach } = this.#options;
    const { revision, compacted } = this.#generator;
    this.requests.push(request);
    if (request.kind === 'cancel') {
      await Promise.all(this.#stores.map((store) => store.cancel(request.watch, revision)));
      this.#generator.learn(request, undefined);
      reach.request(request, undefined);
      return [];
    }
    if (request.kind === 'txn' && isMisreadByEtcd(request)) return this.#onlyLockstep(request);
    if (
      request.kind === 'compact' &&
      request.revision > compacted &&
      request.revision <= revision
    ) {
      // What a watch is told of the past depends on what is kept when it is told.
      const found = await this.#settle();
      if (found.length > 0) return found;
    }
    const [etcd, lockstep] = await this.#ask(request);
    const found = compareAnswers(request, etcd, lockstep, compacted);
    reach.request(request, etcd);
    this.#generator.learn(request, etcd);
    if (request.kind === 'watch' && etcd.kind === 'watch') {
      this.#watches.set(request.watch, { watch: request, created: compacted });
    }
    return this.#notAllowed(found);
  }

  async #ask(call: Call): Promise<readonly [Answer, Answer]> {
    const [etcd, lockstep] = this.#stores;
    return Promise.all([etcd.call(call), lockstep.call(call)]);
  }

  async #onlyLockstep(request: Call): Promise<readonly Finding[]> {
    const [, store] = this.#stores;
    if (store.name === 'etcd') return [];
    const lockstep = await store.call(request);
    this.#options.allowed.count(openDeleteInTxn);
    const { text, grpc } = errorTable.duplicate_key;
    const etcd = { kind: 'refused', text, grpc, compactRevision: undefined } as const;
    return compareAnswers(request, etcd, lockstep, this.#generator.compacted);
  }

  /** Compares what the watches were told up to now. */
  async #settle(): Promise<readonly Finding[]> {
    const { revision, compacted } = this.#generator;
    await Promise.all(this.#stores.map((store) => store.settle(revision)));
    const [etcd, lockstep] = this.#stores;
    const found = [...this.#watches].flatMap(([number, { watch, created }]) => {
      const logs = { etcd: etcd.watchLog(number), lockstep: lockstep.watchLog(number) };
      return compareWatches(watch, logs, { created, compacted });
    });
    return this.#notAllowed(found);
  }

  #notAllowed(found: readonly Finding[]): readonly Finding[] {
    return found.filter((finding) => !this.#options.allowed.allows(finding));
  }
}
