import {
  type Bytes,
  type CallOptions,
  type Client,
  type Codec,
  codecs,
  DecodeError,
  type Entry,
  invalid,
  type Session,
  Space,
} from '@lockstep/client';
import { Membership } from './membership.ts';
import { checkedId, checkedName } from './name.ts';
import { type Picture, pictures } from './picture.ts';
import { type WaitOptions, waiting } from './wait.ts';

export interface JoinOptions<Value> extends WaitOptions {
  readonly value: Value;
  /**
   * Who this is, and will be again after a restart. A process that joins under an id takes the place of whoever has it, at
   * once: of its own earlier life, whose entry would else stand until its lease ends. Without it, a new one each time.
   */
  readonly id?: string;
  /** What to do when the id is taken: `replace` (the default) or `refuse`, with a KeyExistsError. */
  readonly ifTaken?: 'replace' | 'refuse';
  /**
   * The membership lives on this session and ends with it. Without it, it opens sessions of its own, another one whenever
   * one is lost, and ends only by `leave`, with the client, or when it is replaced.
   */
  readonly session?: Session;
  /** Time to live of sessions of its own, in seconds. Default 10. */
  readonly ttl?: number;
  /**
   * An entry that was removed comes back after a random part of this time, in milliseconds, so that those of a whole fleet
   * do not come back all at once; longer after failures. Default 1,000.
   */
  readonly healMs?: number;
}

/** Who is in a group, as of one revision. */
export class Member<Value> {
  readonly id: string;
  readonly #entry: Entry<Value>;

  /** Made by the group. */
  constructor(entry: Entry<Value>) {
    this.id = entry.key;
    this.#entry = entry;
  }

  /** Read when it is first asked for. @throws DecodeError when the codec cannot read it; others are not affected. */
  get value(): Value {
    return this.#entry.value;
  }

  /** The revision at which its entry came; another one after it was removed and came back. */
  get joinedRevision(): number {
    return this.#entry.createRevision;
  }

  /** The revision that last wrote its entry. */
  get revision(): number {
    return this.#entry.modRevision;
  }

  /** The lease its entry hangs on. */
  get lease(): string {
    return this.#entry.lease;
  }
}

/** All that are in a group, and what is different from the time before. */
export interface GroupChange<Value> {
  readonly revision: number;
  /** In the order of their ids. */
  readonly members: readonly Member<Value>[];
  readonly joined: readonly Member<Value>[];
  /** As they were last. */
  readonly left: readonly Member<Value>[];
  /** Whose value was written, or who was replaced under the same id. */
  readonly changed: readonly Member<Value>[];
}

const healMsDefault = 1_000;
const ttlDefault = 10;

/**
 * Who is here: a key per member, `<name>/<id>`, on the lease of its session, which comes back by itself when it was
 * removed although the member lives. Values are JSON unless a codec says otherwise.
 *
 * Not promised: that a member which is listed is alive. It was, a TTL ago at most; and one that is cut off from the cluster
 * is not listed, although it may work on.
 */
export class Group<Value> {
  readonly name: string;
  readonly #client: Client;
  readonly #space: Space<Value>;
  readonly #codec: Codec<Value>;

  /** @throws InvalidError when the name is none. */
  constructor(client: Client, name: string, codec: Codec<Value> = codecs.json<Value>()) {
    this.#client = client;
    this.name = checkedName(name);
    this.#codec = codec;
    this.#space = new Space(client, `${this.name}/`, codec);
  }

  /**
   * Joins; resolves when the entry stands. From then on it is kept.
   * @throws InvalidError; KeyExistsError when the id is taken and `ifTaken` is `refuse`; DeadlineError when `timeoutMs` is
   * over; the signal's reason; DecodeError; what a session, or a call, can end in. Nothing stays behind then.
   */
  async join(options: JoinOptions<Value>): Promise<Membership<Value>> {
    const { id = crypto.randomUUID(), value, session, ifTaken = 'replace' } = options;
    const { healMs = healMsDefault, ttl = ttlDefault } = options;
    checkedId(id);
    if (ifTaken !== 'replace' && ifTaken !== 'refuse') {
      throw invalid(`ifTaken is ${JSON.stringify(ifTaken)}; it is replace or refuse`);
    }
    if (!(healMs >= 0 && Number.isFinite(healMs))) {
      throw invalid(`healMs is ${healMs}; it must be a number of milliseconds, 0 or more`);
    }
    session?.assertValid();
    const late = `the group ${JSON.stringify(this.name)} could not be joined`;
    return waiting(this.#client.clock, options, late, (signal) =>
      Membership.begin(
        {
          client: this.#client,
          id,
          key: this.#space.key(id),
          encode: (given: Value) => this.#encode(id, given),
          session,
          ttl,
          healMs,
          mayReplace: ifTaken === 'replace',
        },
        value,
        signal,
      ),
    );
  }

  /** Who is here now, in the order of their ids. */
  async members(options: CallOptions = {}): Promise<readonly Member<Value>[]> {
    const { kvs } = await this.#client.range({ prefix: this.#space.prefix }, options);
    const byKey = new Map(kvs.map((kv) => [kv.wireKey, kv]));
    return [...this.#membersOf(byKey).values()];
  }

  /**
   * Who is here, then again whenever that changes: after each revision, none left out. After a compaction that overtook
   * it, what happened in between comes as one change. A loop that is slow slows down nobody else. Ends by its signal, with its reason.
   */
  async *watch(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<GroupChange<Value>, void, undefined> {
    const { signal = new AbortController().signal } = options;
    let before: ReadonlyMap<string, Member<Value>> | undefined;
    for await (const { kvs, revision } of this.#pictures(signal)) {
      const now = this.#membersOf(kvs);
      const change = changeOf(before ?? new Map<string, Member<Value>>(), now, revision);
      // What is no member's, below the name, changes nothing.
      const isNews = [change.joined, change.left, change.changed].some(({ length }) => length > 0);
      if (before === undefined || isNews) yield change;
      before = now;
    }
  }

  /** @throws DecodeError. */
  #encode(id: string, value: Value): Bytes {
    try {
      return this.#codec.encode(value);
    } catch (cause) {
      const key = this.#space.key(id);
      throw new DecodeError(`the value for ${JSON.stringify(key)} cannot be written`, {
        key,
        cause,
      });
    }
  }

  #pictures(signal: AbortSignal): AsyncGenerator<Picture> {
    return pictures(this.#client, [{ prefix: this.#space.prefix }], { signal });
  }

  #membersOf(kvs: ReadonlyMap<unknown, Entry<Value>['kv']>): Map<string, Member<Value>> {
    const members = [...kvs.values()]
      .filter(({ wireKey }) => typeof wireKey === 'string')
      .map((kv) => new Member(this.#space.shape(kv)))
      // What is further below is another recipe's.
      .filter(({ id }) => id !== '' && !id.includes('/'))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    return new Map(members.map((member) => [member.id, member]));
  }
}

function changeOf<Value>(
  before: ReadonlyMap<string, Member<Value>>,
  now: ReadonlyMap<string, Member<Value>>,
  revision: number,
): GroupChange<Value> {
  const members = [...now.values()];
  return {
    revision,
    members,
    joined: members.filter(({ id }) => !before.has(id)),
    left: [...before.values()].filter(({ id }) => !now.has(id)),
    changed: members.filter((member) => {
      const earlier = before.get(member.id);
      return earlier !== undefined && earlier.revision !== member.revision;
    }),
  };
}
