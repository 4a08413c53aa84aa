import {
  type Bytes,
  type CallOptions,
  type Client,
  ClosedError,
  type Codec,
  codecs,
  compare,
  DecodeError,
  invalid,
  op,
  Session,
  type SessionOptions,
  Space,
} from '@lockstep/client';
import { checkedHolder, Patience } from '@lockstep/locks/queueing';
import { takeOffice } from './candidacy.ts';
import {
  type Candidate,
  type ElectionCandidate,
  isInOffice,
  recordIn,
  shown,
} from './candidate.ts';
import { ElectionKeys } from './keys.ts';
import { Latest } from './latest.ts';
import { Leader } from './leader.ts';
import { follow } from './observation.ts';
import { type LeaderTask, type RunOptions, runTerms } from './running.ts';
import { candidateIn, standingOf } from './standing.ts';
import { Term } from './term.ts';

/** Of a session, what an election opens one with for each candidacy. */
type LeaseOptions = Pick<SessionOptions, 'ttl' | 'marginMs' | 'handoverDelayMs' | 'keepAlive'>;

export interface ElectionOptions<Value> extends LeaseOptions {
  /** What this candidate proposes, for observers: an address, a version. Default: its identity. */
  readonly value?: Value;
  /** How values are written and read. Default text. */
  readonly codec?: Codec<Value>;
  /** Who this candidate is, a host or a pod: for those who look, and for `transferTo`. */
  readonly identity?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whenever the office is vacant, the candidate with the highest leads. It takes the office from nobody. A whole
   * number; default 0.
   */
  readonly priority?: number;
  /**
   * A campaign first removes other candidates of the same identity, leaders too: so a process that crashed and was
   * started again does not wait for what it left behind. Two that live and have the same identity would depose each other
   * for ever, so be sure that there is one. Default false.
   */
  readonly replaceOwn?: boolean;
}

/** Values that are no text need a codec. */
type CodecOption<Value> = string extends Value ? unknown : { readonly codec: Codec<Value> };

export interface CampaignOptions {
  /** Gives the campaign up, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait for the office at most; without it, as long as it takes. */
  readonly timeoutMs?: number;
  /** How many are before: told when waiting begins, and again when the one right before gave up. */
  readonly onQueued?: (position: number) => void;
}

/**
 * An election of a name: of any number of candidates one leads at a time, and everybody can know which.
 *
 * Not promised: that a leader which ignores `lost`, or was stopped and does not know it, stops leading. Write with
 * `term.txn()`, or take `term.token` along. Nor that an observer sees every leader: one that is slow sees the latest.
 */
export class Election<Value = string> {
  readonly name: string;
  readonly #client: Client;
  readonly #keys: ElectionKeys;
  readonly #options: ElectionOptions<Value>;
  readonly #space: Space<Value>;
  readonly #codec: Codec<Value>;
  #term: Term<Value> | undefined;
  #isCampaigning = false;
  #isRunning = false;

  /** @throws InvalidError when the name or an option is wrong. */
  constructor(client: Client, name: string, options?: ElectionOptions<Value> & CodecOption<Value>) {
    const given: ElectionOptions<Value> = options ?? {};
    this.#client = client;
    this.#keys = new ElectionKeys(name);
    this.name = name;
    checkOptions(given);
    this.#options = given;
    // Without a codec values are text, which is what CodecOption demands of the type.
    this.#codec = given.codec ?? (codecs.text as unknown as Codec<Value>);
    this.#space = new Space(client, this.#keys.candidates, this.#codec);
  }

  /** Whether this process leads, through this object. Asks the clocks, not a timer. */
  get isLeader(): boolean {
    return this.#term !== undefined && this.#term.remainingMs() > 0;
  }

  /**
   * Waits until this candidate leads. Each campaign has a lease of its own, which ends with the term.
   * @throws DeadlineError when `timeoutMs` is over; the signal's reason; LeaseLostError or LockLostError when its lease
   * ends or somebody removes its key; InvalidError; what a call can end in. The candidacy is withdrawn then.
   */
  async campaign(options: CampaignOptions = {}): Promise<Term<Value>> {
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      throw invalid(`timeoutMs is ${timeoutMs}; it must be above 0`);
    }
    if (this.#isCampaigning || this.isLeader) {
      throw invalid(
        `this candidate for ${JSON.stringify(this.name)} ${this.isLeader ? 'leads' : 'campaigns'} already: resign first, or make another Election`,
      );
    }
    const value = this.#proposed();
    this.#isCampaigning = true;
    try {
      this.#term = await this.#elected(value, options);
      return this.#term;
    } finally {
      this.#isCampaigning = false;
    }
  }

  async #elected(
    value: Bytes,
    { signal, timeoutMs, onQueued }: CampaignOptions,
  ): Promise<Term<Value>> {
    const { identity = '', metadata = {}, priority = 0, replaceOwn = false } = this.#options;
    const { clock } = this.#client;
    signal?.throwIfAborted();
    const began = clock.now();
    const session = await Session.open(this.#client, this.#sessionOptions(signal, timeoutMs));
    const spent = clock.now() - began;
    const patience = new Patience(session, {
      signal,
      timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(timeoutMs - spent)),
      what: `the office of ${JSON.stringify(this.name)}`,
    });
    try {
      const waiting = { signal: patience.signal, onQueued };
      const proposal = { value, identity, metadata, priority, replaceOwn };
      const place = await takeOffice(session, this.#keys, proposal, waiting);
      session.assertValid();
      patience.signal.throwIfAborted();
      const encode = (next: Value): Bytes => this.#encode(next);
      return new Term({ session, place, keys: this.#keys, encode });
    } catch (error) {
      // Ends its lease, and all that hangs on it; if it cannot be reached, the lease ends by itself.
      session.close().catch(() => {});
      throw error;
    } finally {
      patience.stop();
    }
  }

  #sessionOptions(signal: AbortSignal | undefined, timeoutMs: number | undefined): SessionOptions {
    const { ttl, marginMs, handoverDelayMs, keepAlive } = this.#options;
    return {
      ...(ttl === undefined ? {} : { ttl }),
      ...(marginMs === undefined ? {} : { marginMs }),
      ...(handoverDelayMs === undefined ? {} : { handoverDelayMs }),
      ...(keepAlive === undefined ? {} : { keepAlive }),
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  /**
   * Campaigns, lets the task lead, and campaigns again when the term is lost, until the signal aborts: through
   * crashes and restarts of the store, with growing pauses while it fails. It waits for the task to end before it gives the
   * office back or campaigns again, so no two tasks of it ever run at once; a task that does not end when its term is
   * lost keeps it from campaigning.
   *
   * When the task ends by itself, so does this: the term is resigned, and what the task throws is thrown. So too when
   * the task resigned or handed the office over.
   * @throws what the task throws; InvalidError when it runs already; ClosedError when the client is closed.
   */
  async run(task: LeaderTask<Value>, options: RunOptions = {}): Promise<void> {
    const { restart = 'always' } = options;
    if (restart !== 'always' && restart !== 'never') {
      throw invalid(`restart is ${JSON.stringify(restart)}; it must be 'always' or 'never'`);
    }
    if (this.#isRunning)
      throw invalid(`this election of ${JSON.stringify(this.name)} runs already`);
    this.#isRunning = true;
    try {
      await runTerms(this.#client.clock, (call) => this.campaign(call), task, options);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Who leads now; undefined when nobody does. */
  async leader(call: CallOptions = {}): Promise<Leader<Value> | undefined> {
    for (;;) {
      const first = await this.#first(call);
      if (first === undefined) return undefined;
      // Nobody can come before it, so it is the first as long as it is there.
      const reply = await this.#client
        .txn()
        .if(compare.createRevision(first.kv.keyBytes, '=', first.kv.createRevision))
        .do(op.get(first.kv.keyBytes), op.get(this.#keys.record(first.id)))
        .commit(call);
      if (!reply.succeeded) continue;
      const [{ kv = first.kv }, { kv: record }] = reply.results;
      const { id } = first;
      const candidate = { id, kv, record: record === undefined ? undefined : recordIn(record) };
      return isInOffice(candidate) ? new Leader(candidate, this.#space) : undefined;
    }
  }

  async #first(call: CallOptions): Promise<Candidate | undefined> {
    const byAge = { sortTarget: 'create', sortOrder: 'ascend', ...call } as const;
    const range = { prefix: this.#keys.candidates };
    const read = async (limit: number): Promise<Candidate | 'stranger' | undefined> => {
      const { kvs, more } = await this.#client.range(range, { ...byAge, limit });
      const [found] = kvs.flatMap((kv) => candidateIn(this.#keys, kv, () => undefined) ?? []);
      return found ?? (more ? 'stranger' : undefined);
    };
    const oldest = await read(1);
    const first = oldest === 'stranger' ? await read(0) : oldest;
    return first === 'stranger' ? undefined : first;
  }

  /**
   * Who leads, and then every change of that: another leader, a value that was proclaimed, or undefined when nobody leads.
   * It goes on through lost connections and compaction, and never says the same twice in a row. Whoever is slow
   * to ask misses what was over before, and gets the latest.
   * @throws the signal's reason; ClosedError when the client is closed.
   */
  async *observe(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Leader<Value> | undefined, void, undefined> {
    const latest = new Latest<Leader<Value> | undefined>(Leader.isSame);
    const over = new AbortController();
    const end = (): void => over.abort(options.signal?.reason);
    if (options.signal?.aborted === true) end();
    options.signal?.addEventListener('abort', end, { once: true });
    const following = follow(
      this.#client,
      this.#keys,
      (found) => latest.say(found === undefined ? undefined : new Leader(found, this.#space)),
      over.signal,
    ).then(
      () => latest.fail(new ClosedError()),
      (error: unknown) => latest.fail(error),
    );
    try {
      for (;;) yield await latest.take();
    } finally {
      options.signal?.removeEventListener('abort', end);
      over.abort();
      await following;
    }
  }

  /** Who leads and who waits, in line: the one who has waited longest first. */
  async candidates(call: CallOptions = {}): Promise<readonly ElectionCandidate[]> {
    const { candidates } = await standingOf(this.#client, this.#keys, call);
    return candidates.map((candidate, at) => shown(candidate, at === 0));
  }

  #proposed(): Bytes {
    const { value, identity = '', codec } = this.#options;
    if (value !== undefined) return this.#encode(value);
    if (codec === undefined) return identity;
    throw invalid('a candidate with a codec has to propose something: give a value');
  }

  #encode(value: Value): Bytes {
    const key = this.#keys.candidates;
    const fault = (cause: unknown): DecodeError => {
      const why = cause instanceof Error ? cause.message : String(cause);
      const what = `the value for the election ${JSON.stringify(this.name)} cannot be written`;
      return new DecodeError(`${what}: ${why}`, { key, cause });
    };
    // What a program in plain JavaScript gives may be anything.
    let encoded: unknown;
    try {
      encoded = this.#codec.encode(value);
    } catch (cause) {
      throw fault(cause);
    }
    if (typeof encoded === 'string' || encoded instanceof Uint8Array) return encoded;
    throw fault(new TypeError(`it is of type ${typeof value} and not text; give a codec`));
  }
}

/** How an election is now. */
export interface ElectionState {
  /** Undefined when nobody is in office: there is no candidate, or the first in line is not sure yet. */
  readonly leader: ElectionCandidate | undefined;
  /** Who waits, longest first. */
  readonly waiting: readonly ElectionCandidate[];
}

/** Who leads and who waits, for those who only look. @throws InvalidError; what a call can end in. */
export async function inspectElection(client: Client, name: string): Promise<ElectionState> {
  const { candidates } = await standingOf(client, new ElectionKeys(name));
  const all = candidates.map((candidate, at) => shown(candidate, at === 0));
  return {
    leader: all.find(({ inOffice }) => inOffice),
    waiting: all.filter(({ inOffice }) => !inOffice),
  };
}

function checkOptions(options: Omit<ElectionOptions<unknown>, 'codec'>): void {
  const { identity = '', priority = 0, replaceOwn = false } = options;
  checkedHolder(options);
  if (!Number.isSafeInteger(priority)) {
    throw invalid(`priority is ${priority}; it must be a whole number`);
  }
  if (replaceOwn && identity === '') {
    throw invalid('replaceOwn needs an identity, by which the own candidates are known');
  }
}
