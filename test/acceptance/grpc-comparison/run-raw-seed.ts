import { errorTable } from '@lockstep/client/protocol';
import { KV, Lease } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { type AllowList, lostDeleteRow, negativeStartRow } from './allowed.ts';
import { compareOutcomes, compareStreams, type Difference, isAlike } from './difference.ts';
import {
  bytes,
  type Json,
  type RawCall,
  type RawRequest,
  type RawWatchRequest,
  rawCall,
} from './messages.ts';
import { field, isObject, numberAt } from './normalise.ts';
import { align } from './raw-align.ts';
import { type Planned, RawGenerator, streamsMax } from './raw-generator.ts';
import type { ComparedApi, Outcome } from './raw-store.ts';
import type { RawReach } from './reach.ts';

/** etcd first: what the requests depend on are its answers. */
export type Pair = readonly [etcd: ComparedApi, lockstep: ComparedApi];

export interface SeedOptions {
  readonly seed: number;
  readonly calls: number;
  readonly reach: RawReach;
  readonly allowed: AllowList;
  /** Puts a fault before the second server, to see whether the comparison finds it. */
  readonly plant?: (api: ComparedApi) => ComparedApi;
}

export interface SeedResult {
  /** Empty when both behaved alike. After the first request that differs nothing more is asked. */
  readonly found: readonly Difference[];
  readonly requests: readonly RawRequest[];
}

/** Milliseconds within which what has no moment of its own must have come. */
const patienceMs = 15_000;
/** Nothing is expected to come; what comes all the same is seen when the logs are compared next. */
const silenceMs = 30;
/** At the end the past is read at so many revisions. */
const pastReads = 8;
const done: Outcome = { code: 0, message: '', answers: [] };
const refused: Outcome = { code: 3, message: '', answers: [] };

/** Runs one seed on both servers, whatever state they are in. */
export async function runSeed(stores: Pair, options: SeedOptions): Promise<SeedResult> {
  const revision = await align(stores);
  const [etcd, lockstep] = stores;
  const run = new SeedRun([etcd, options.plant?.(lockstep) ?? lockstep], options, revision);
  const found = await run.run(options.calls);
  return { found, requests: run.requests };
}

/** It is not told by an answer that etcd gave. */
function withoutRevision(answer: Json): Json {
  const header = field(answer, 'header');
  if (!isObject(answer) || !isObject(header)) return answer;
  return { ...answer, header: { ...header, revision: '*' } };
}

interface OpenWatch {
  readonly stream: number;
  readonly id: bigint;
  readonly hasProgress: boolean;
}

class SeedRun {
  readonly requests: RawRequest[] = [];
  readonly #stores: Pair;
  readonly #options: SeedOptions;
  readonly #generator: RawGenerator;
  /** By the generator's own number. */
  readonly #watches = new Map<number, OpenWatch>();

  constructor(stores: Pair, options: SeedOptions, revision: number) {
    this.#stores = stores;
    this.#options = options;
    this.#generator = new RawGenerator(options.seed, revision);
  }

  async run(calls: number): Promise<readonly Difference[]> {
    for (let at = 0; at < calls; at++) {
      const planned = this.#generator.next((watch) => this.#watches.get(watch));
      const found = await this.#request(planned);
      if (found.length > 0) return found;
    }
    for (const raw of this.#lastCalls()) {
      const found = await this.#request({ raw, from: undefined, scene: undefined });
      if (found.length > 0) return found;
    }
    const found = await this.#settle();
    for (const stream of this.#openStreams())
      this.#options.reach.stream(this.#stores[0].stream(stream));
    return found;
  }

  /** What shows all that there is: the newest state, the past, the leases with their keys. */
  #lastCalls(): RawCall[] {
    const { revision, compacted, leases } = this.#generator;
    const step = Math.max(1, Math.floor((revision - compacted) / pastReads));
    const past = Array.from({ length: pastReads }, (_, at) => compacted + at * step);
    const readAll = (at: number): RawCall =>
      rawCall(KV.method.range, {
        ...{ key: bytes('\0'), rangeEnd: bytes('\0') },
        revision: BigInt(at),
      });
    return [
      ...[...past.filter((each) => each <= revision), 0].map(readAll),
      rawCall(Lease.method.leaseLeases, {}),
      ...leases.map((ID) => rawCall(Lease.method.leaseTimeToLive, { ID, keys: true })),
    ];
  }

  async #request(planned: Planned): Promise<readonly Difference[]> {
    const { raw } = planned;
    this.requests.push(raw);
    const found =
      raw.kind === 'watch' ? await this.#watch(planned, raw) : await this.#call(planned, raw);
    return found.filter((difference) => !this.#options.allowed.allows(difference));
  }

  async #call(planned: Planned, raw: RawCall): Promise<readonly Difference[]> {
    const [etcd, lockstep] = this.#stores;
    const { compacted } = this.#generator;
    if ('expected' in planned.raw) {
      const { row, code, message } = planned.raw.expected;
      if (lockstep.name === 'etcd') return [];
      this.#options.allowed.count(row);
      const expected: Outcome = { code, message, answers: [] };
      return compareOutcomes(raw, expected, await lockstep.call(raw), compacted);
    }
    // A compaction ends watches that are behind it: none may be when it comes.
    if (raw.method.name === 'Compact') {
      const found = await this.#settle();
      if (found.length > 0) return found;
    }
    const [one, other] = await Promise.all([etcd.call(raw), lockstep.call(raw)]);
    this.#options.reach.call(planned, one);
    this.#generator.learn(planned, one);
    return compareOutcomes(raw, one, other, compacted);
  }

  #openStreams(): number[] {
    return Array.from({ length: streamsMax }, (_, at) => at);
  }

  async #watch(planned: Planned, raw: RawWatchRequest): Promise<readonly Difference[]> {
    const union = raw.request.requestUnion;
    switch (union?.case) {
      case 'createRequest':
        return this.#create(planned, raw, Number(union.value.startRevision ?? 0n));
      case 'cancelRequest':
        return this.#cancel(planned, raw, BigInt(union.value.watchId ?? 0n));
      case 'progressRequest':
        this.#options.reach.count('watch: progress request');
        return this.#settle();
      default:
        this.#options.reach.count('watch: request of no kind');
        this.#send(raw);
        return [];
    }
  }

  #send(raw: RawWatchRequest): void {
    for (const store of this.#stores) store.stream(raw.stream).send(raw.request);
  }

  async #create(
    planned: Planned,
    raw: RawWatchRequest,
    start: number,
  ): Promise<readonly Difference[]> {
    if (start < 0) return this.#createBeforeAll(raw);
    const streams = this.#stores.map((store) => store.stream(raw.stream));
    const before = streams.map(({ created, canceled }) => ({ created, canceled }));
    this.#send(raw);
    await Promise.all(
      streams.map((stream, at) =>
        stream.until(() => stream.created > (before[at]?.created ?? 0), patienceMs),
      ),
    );
    const answer = streams[0]?.lastCreated;
    const isRefused = field(answer, 'canceled') === true;
    const isLate = !isRefused && start !== 0 && start <= this.#generator.compacted;
    const isCanceled = (): boolean => (streams[0]?.canceled ?? 0) > (before[0]?.canceled ?? 0);
    if (isLate) await streams[0]?.until(isCanceled, patienceMs);
    // etcd tells the past of a watch when it next looks at those that are behind.
    await this.#alike(raw.stream);
    if (start === this.#generator.compacted) {
      this.#forgetLostDeletes(raw.stream, String(field(answer, 'watchId') ?? '0'), start);
    }
    const isOpen = !isRefused && !isCanceled();
    this.#options.reach.created(raw, isRefused ? 'refused' : isOpen ? 'open' : 'too late');
    this.#generator.learn(planned, isOpen ? done : refused);
    const { from } = planned;
    if (isOpen && from?.kind === 'watch') {
      this.#watches.set(from.watch, {
        stream: raw.stream,
        id: BigInt(numberAt(answer, 'watchId')),
        hasProgress: from.progress,
      });
    }
    return this.#compareStream(raw, raw.stream);
  }

  /** What etcd 3.4 does not tell of the revision of a compaction is not asked of it. */
  #forgetLostDeletes(number: number, id: string, revision: number): void {
    const [etcd, lockstep] = this.#stores.map((store) => store.stream(number));
    if (etcd === undefined || lockstep === undefined || isAlike(etcd, lockstep)) return;
    if (lockstep.forgetDeletes(id, revision)) this.#options.allowed.count(lostDeleteRow);
  }

  /** A start before the first revision takes an id in etcd 3.4 and none since 3.6: only Lockstep is asked. */
  async #createBeforeAll(raw: RawWatchRequest): Promise<readonly Difference[]> {
    const [, lockstep] = this.#stores;
    if (lockstep.name === 'etcd') return [];
    this.#options.allowed.count(negativeStartRow);
    const stream = lockstep.stream(raw.stream);
    const { created } = stream;
    stream.send(raw.request);
    await stream.until(() => stream.created > created, patienceMs);
    const expected = {
      header: { clusterId: '*', memberId: '*', revision: '*', raftTerm: '*' },
      ...{ watchId: '-1', created: true, canceled: true },
      cancelReason: errorTable.compacted.text,
    };
    const answer = stream.forgetRefused();
    return compareOutcomes(
      raw,
      { code: 0, message: '', answers: [expected] },
      { code: 0, message: '', answers: [withoutRevision(answer)] },
      this.#generator.compacted,
    );
  }

  async #cancel(
    planned: Planned,
    raw: RawWatchRequest,
    id: bigint,
  ): Promise<readonly Difference[]> {
    const found = await this.#settle();
    if (found.length > 0) return found;
    const streams = this.#stores.map((store) => store.stream(raw.stream));
    const before = streams[0]?.canceled ?? 0;
    const entry = [...this.#watches].find(
      ([, watch]) => watch.stream === raw.stream && watch.id === id,
    );
    this.#send(raw);
    const isCanceled = (): boolean => (streams[0]?.canceled ?? 0) > before;
    await streams[0]?.until(isCanceled, entry === undefined ? silenceMs : patienceMs);
    await this.#alike(raw.stream);
    this.#options.reach.count(`watch: cancel of ${entry === undefined ? 'no watch' : 'a watch'}`);
    if (entry !== undefined) this.#watches.delete(entry[0]);
    this.#generator.learn(planned, done);
    return this.#compareStream(raw, raw.stream);
  }

  /** Waits until both streams hold the same, or it is clear that they will not. */
  async #alike(number: number): Promise<void> {
    const [etcd, lockstep] = this.#stores.map((store) => store.stream(number));
    if (etcd === undefined || lockstep === undefined) return;
    const alike = (): boolean => isAlike(etcd, lockstep);
    await Promise.race([etcd.until(alike, patienceMs), lockstep.until(alike, patienceMs)]);
  }

  #compareStream(raw: RawRequest, number: number): Difference[] {
    const [etcd, lockstep] = this.#stores.map((store) => store.stream(number));
    if (etcd === undefined || lockstep === undefined) return [];
    return compareStreams(raw, etcd, lockstep, this.#generator.compacted);
  }

  /** Waits until every watch was told everything, and compares all that they were told. */
  async #settle(): Promise<readonly Difference[]> {
    const { revision } = this.#generator;
    const found: Difference[] = [];
    for (const number of this.#openStreams()) {
      const raw: RawWatchRequest = {
        kind: 'watch',
        stream: number,
        request: { requestUnion: { case: 'progressRequest', value: {} } },
      };
      const [etcd, lockstep] = this.#stores.map((store) => store.stream(number));
      if (etcd === undefined || lockstep === undefined) continue;
      // etcd 3.4 answers at once, whoever is behind: so it is asked when nobody is.
      const watches = [...this.#watches.values()].filter(
        ({ stream, hasProgress }) => stream === number && hasProgress,
      );
      const isComplete = (): boolean =>
        watches.every(({ id }) => (etcd.complete.get(String(id)) ?? 0) >= revision);
      await etcd.until(isComplete, patienceMs);
      await this.#alike(number);
      const before = [etcd.progressed, lockstep.progressed];
      this.#send(raw);
      await Promise.all(
        [etcd, lockstep].map((stream, at) =>
          stream.until(() => stream.progressed > (before[at] ?? 0), patienceMs),
        ),
      );
      await this.#alike(number);
      found.push(...this.#compareStream(raw, number));
    }
    return found.filter((difference) => !this.#options.allowed.allows(difference));
  }
}
