import type { Clock } from '@lockstep/client';
import type { OriginRedis, RedisArgument, RedisConnection } from './redis.ts';

/** What stands in Redis beside the mirrored keys: up to where they were mirrored, and of what. */
export interface Mark {
  readonly cluster: string;
  readonly prefix: string;
  readonly revision: number;
}

/** Commands of one revision, to be run if Redis is right before it: at `after` or between the two. */
export interface Step {
  readonly after: number;
  readonly revision: number;
  readonly commands: readonly RedisArgument[][];
}

export interface TargetOptions {
  readonly keyPrefix: string;
  readonly markKey: string;
  readonly clock: Clock;
  /** How long Redis may take for one answer. */
  readonly timeoutMs: number;
  /** Told when the connection is gone. */
  readonly closed: (reason: Error) => void;
}

const keysPerScan = 1_000;
const keysPerCommand = 500;
/** So often somebody else may change the mark while this looks; a mirror that is ahead ends it at once. */
const conflictsMax = 100;

/**
 * The Redis side of a mirror, over one connection that is never made again: it carries a WATCH on the mark, which would
 * be gone with it unnoticed. Whatever goes wrong ends it, and the next one begins by reading.
 */
export class MirrorTarget {
  readonly #connection: RedisConnection;
  readonly #options: TargetOptions;
  #lastError: Error | undefined;

  private constructor(connection: RedisConnection, options: TargetOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.on('error', (error) => {
      this.#lastError = error;
    });
    connection.on('close', () => {
      const why = this.#lastError === undefined ? '' : `: ${this.#lastError.message}`;
      options.closed(new Error(`the connection to Redis is closed${why}`));
    });
  }

  /** @throws Error when it cannot be reached in time. */
  static async connect(redis: OriginRedis, options: TargetOptions): Promise<MirrorTarget> {
    const connection = redis.duplicate({
      keyPrefix: '',
      lazyConnect: true,
      retryStrategy: () => null,
      reconnectOnError: null,
      maxRetriesPerRequest: 0,
    });
    const target = new MirrorTarget(connection, options);
    try {
      await target.#answer(connection.connect());
    } catch (error) {
      target.close();
      throw target.#lastError ?? error;
    }
    return target;
  }

  close(): void {
    this.#connection.disconnect();
  }

  /** Reads the mark; what is written next is written only if nobody changes it meanwhile. */
  async readMark(): Promise<Mark | undefined> {
    const { markKey } = this.#options;
    const connection = this.#connection;
    const [, , mark] = await this.#answer(
      Promise.all([connection.unwatch(), connection.watch(markKey), this.#mark()]),
    );
    return mark;
  }

  /** Reads the mark, whatever is under way. */
  peek(): Promise<Mark | undefined> {
    return this.#answer(this.#mark());
  }

  async #mark(): Promise<Mark | undefined> {
    const fields = ['cluster', 'prefix', 'revision'];
    const [cluster, prefix, revision] = await this.#connection.hmget(
      this.#options.markKey,
      ...fields,
    );
    if (typeof cluster !== 'string' || typeof prefix !== 'string') return undefined;
    const read = Number(revision);
    return Number.isSafeInteger(read) && read > 0 ? { cluster, prefix, revision: read } : undefined;
  }

  /**
   * Makes the keys equal to a list, in one step, unless Redis is as new as the list or newer.
   * @returns the revision that Redis shows.
   */
  async fill(list: ReadonlyMap<string, string | Buffer>, mark: Mark): Promise<number> {
    for (let conflicts = 0; conflicts < conflictsMax; conflicts++) {
      const commands = await this.#difference(list);
      if (await this.#execute(commands, mark)) return mark.revision;
      const found = await this.readMark();
      if (found !== undefined && found.revision >= mark.revision) return found.revision;
    }
    throw new Error(`${this.#options.markKey} in Redis changes all the time`);
  }

  /** What has to be written so that the keys are those of the list. */
  async #difference(list: ReadonlyMap<string, string | Buffer>): Promise<RedisArgument[][]> {
    const { keyPrefix } = this.#options;
    const prefix = Buffer.from(keyPrefix);
    const pattern = `${keyPrefix.replace(/[\\*?[\]^]/g, '\\$&')}*`;
    const right = new Set<string>();
    const strays = new Set<string>();
    let cursor = '0';
    do {
      const [next, keys] = await this.#answer(
        this.#connection.scanBuffer(cursor, 'MATCH', pattern, 'COUNT', keysPerScan),
      );
      cursor = next.toString();
      const known: Buffer[] = [];
      for (const key of keys) {
        // Nobody's key may go because a pattern was read in another way.
        if (!key.subarray(0, prefix.length).equals(prefix)) continue;
        if (list.has(key.toString('latin1'))) known.push(key);
        else strays.add(key.toString('latin1'));
      }
      for (const part of chunks(known, keysPerCommand)) {
        const values = await this.#answer(this.#connection.mgetBuffer(...part));
        for (const [at, key] of part.entries()) {
          const id = key.toString('latin1');
          const [is, shouldBe] = [values[at], list.get(id)];
          // What is no string is none of ours, and reads as null.
          if (!Buffer.isBuffer(is) || shouldBe === undefined) continue;
          if (is.equals(asBuffer(shouldBe))) right.add(id);
        }
      }
    } while (cursor !== '0');
    const deletes = [...chunks([...strays], keysPerCommand)].map((part) => [
      'del',
      ...part.map((id) => Buffer.from(id, 'latin1')),
    ]);
    const sets = [...list]
      .filter(([id]) => !right.has(id))
      .map(([id, value]) => ['set', Buffer.from(id, 'latin1'), value]);
    return [...deletes, ...sets];
  }

  /**
   * Writes one revision, whole, and the mark with it, unless Redis has it already.
   * @throws Error when Redis shows an older state than this step begins from: it has lost what was written.
   */
  async apply(step: Step, of: Omit<Mark, 'revision'>): Promise<void> {
    for (let conflicts = 0; conflicts < conflictsMax; conflicts++) {
      const found = await this.readMark();
      if (found === undefined || found.revision < step.after) throw this.behind(found, step.after);
      if (found.revision >= step.revision) return;
      if (await this.#execute(step.commands, { ...of, revision: step.revision })) return;
    }
    throw new Error(`${this.#options.markKey} in Redis changes all the time`);
  }

  behind(found: Mark | undefined, revision: number): Error {
    const shows = found === undefined ? 'nothing' : `revision ${found.revision}`;
    return new Error(
      `${this.#options.markKey} in Redis shows ${shows} after revision ${revision} was written: Redis has lost it`,
    );
  }

  /** @returns false when somebody has changed the mark since it was read. */
  async #execute(commands: readonly RedisArgument[][], mark: Mark): Promise<boolean> {
    const { markKey } = this.#options;
    const { cluster, prefix, revision } = mark;
    const written = ['hset', markKey, ...Object.entries({ cluster, prefix, revision }).flat()];
    const told = commands.length > 0 ? [['publish', markKey, `${revision}`]] : [];
    const answers = await this.#answer(
      this.#connection.multi([...commands, written, ...told]).exec(),
    );
    if (answers === null) return false;
    const failed = answers.find(([error]) => error !== null);
    if (failed?.[0]) throw failed[0];
    return true;
  }

  /** @throws Error when the answer takes too long; whoever asked closes then. */
  async #answer<Result>(asked: Promise<Result>): Promise<Result> {
    const { clock, timeoutMs } = this.#options;
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(timeoutMs, () => {
        this.#lastError = new Error(`Redis did not answer within ${timeoutMs} ms`);
        reject(this.#lastError);
      });
    });
    try {
      return await Promise.race([asked, late]);
    } finally {
      cancel();
    }
  }
}

function* chunks<Item>(all: readonly Item[], size: number): Generator<Item[], void, undefined> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

function asBuffer(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}
