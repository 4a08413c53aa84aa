import { assert } from './base/assert.ts';

export interface ReplyTableOptions {
  /** Clients that are remembered; beyond it the one that was idle longest is forgotten. Default 10,000. */
  readonly clientsMax?: number;
  /** Replies that are kept for one client. Default 256. */
  readonly repliesMax?: number;
  /** A larger reply is kept as its revision only. Default 16 KiB. */
  readonly replyBytesMax?: number;
  /** When those of all clients would take more, a further reply is kept as its revision only. Default 128 MiB. */
  readonly bytesMax?: number;
}

/** Which mutation of which client; the model of the wire says what its fields mean. */
export interface OnceMark {
  readonly clientId: string;
  readonly sequence: number;
  readonly ackedBelow: number;
}

export interface KeptReply<Reply> {
  readonly sequence: number;
  /** Undefined when only its revision was kept. */
  readonly reply: Reply | undefined;
  /** The store's revision after the mutation. */
  readonly revision: number;
  /** What was said of the reply's size; 0 when only its revision was kept. */
  readonly bytes: number;
}

/** What is replicated of a client; immutable, replaced when it changes. */
export interface ClientRecord<Reply> {
  readonly clientId: string;
  /** Who registered it; '' when nobody was asked. Others get none of its replies while rights are enforced. */
  readonly user: string;
  /** The index of the last applied entry that came from it. */
  readonly lastActive: number;
  /** The highest it ever sent. */
  readonly ackedBelow: number;
  /** By sequence, ascending. */
  readonly replies: readonly KeptReply<Reply>[];
}

export type OnceRefusal = 'client_expired' | 'reply_evicted' | 'too_many_requests';

export type OnceOutcome<Reply> =
  /** It was not run before: run it, and then {@link ReplyTable.record} the reply. */
  | { readonly outcome: 'run' }
  | { readonly outcome: 'replay'; readonly reply: Reply; readonly revision: number }
  | {
      readonly outcome: 'refused';
      readonly code: OnceRefusal;
      /** For `reply_evicted`: the store's revision after the mutation, if it is known. */
      readonly revision?: number;
    };

/**
 * The replicated replies to mutations that must run at most once. Who is forgotten is decided by
 * applied indexes alone, so every member forgets the same.
 */
export class ReplyTable<Reply> {
  readonly #clientsMax: number;
  readonly #repliesMax: number;
  readonly #replyBytesMax: number;
  readonly #bytesMax: number;
  /** The one that was idle longest comes first: whoever is active is moved to the end. */
  readonly #clients = new Map<string, ClientRecord<Reply>>();
  #bytes = 0;

  constructor({
    clientsMax = 10_000,
    repliesMax = 256,
    replyBytesMax = 16 * 1024,
    bytesMax = 128 * 1024 * 1024,
  }: ReplyTableOptions = {}) {
    this.#clientsMax = clientsMax;
    this.#repliesMax = repliesMax;
    this.#replyBytesMax = replyBytesMax;
    this.#bytesMax = bytesMax;
  }

  /** Clients. */
  get size(): number {
    return this.#clients.size;
  }

  /** What all replies take that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Remembers a client, active at the index of its entry, and forgets others to make room. One that is known stays as it is. */
  register(clientId: string, index: number, user = ''): void {
    const { ackedBelow, replies } = this.#clients.get(clientId) ?? { ackedBelow: 0, replies: [] };
    this.#clients.delete(clientId);
    this.#clients.set(clientId, { clientId, user, lastActive: index, ackedBelow, replies });
    for (const [idle, client] of this.#clients) {
      if (this.#clients.size <= this.#clientsMax) break;
      this.#clients.delete(idle);
      this.#forget(client.replies);
    }
  }

  /**
   * Says what to do with a mutation in the entry at `index`, and that its client is active.
   * @param user whose mutation it is, while rights are enforced: another's client is unknown to it.
   */
  begin(
    { clientId, sequence, ackedBelow }: OnceMark,
    index: number,
    user?: string,
  ): OnceOutcome<Reply> {
    const known = this.#clients.get(clientId);
    if (known === undefined || (user !== undefined && user !== known.user)) {
      return { outcome: 'refused', code: 'client_expired' };
    }
    const client = this.#touched(known, ackedBelow, index);
    const kept = client.replies[positionOf(client.replies, sequence)];
    if (kept?.sequence === sequence) {
      const { reply, revision } = kept;
      if (reply !== undefined) return { outcome: 'replay', reply, revision };
      return { outcome: 'refused', code: 'reply_evicted', revision };
    }
    if (sequence < client.ackedBelow) return { outcome: 'refused', code: 'reply_evicted' };
    if (client.replies.length >= this.#repliesMax) {
      return { outcome: 'refused', code: 'too_many_requests' };
    }
    return { outcome: 'run' };
  }

  /** Keeps the reply to a mutation for which {@link begin} said `run` in the same entry. */
  record({ clientId, sequence }: OnceMark, reply: Reply, revision: number, bytes: number): void {
    const client = this.#clients.get(clientId);
    assert(client !== undefined, `client ${clientId} is not known, and its mutation was run`);
    const { replies } = client;
    const position = positionOf(replies, sequence);
    assert(
      replies[position]?.sequence !== sequence,
      `mutation ${sequence} of client ${clientId} was run twice`,
    );
    const fits = bytes <= this.#replyBytesMax && this.#bytes + bytes <= this.#bytesMax;
    const kept = fits
      ? { sequence, reply, revision, bytes }
      : { sequence, reply: undefined, revision, bytes: 0 };
    this.#bytes += kept.bytes;
    // In place: a Map keeps the position of a key that it has.
    this.#clients.set(clientId, { ...client, replies: replies.toSpliced(position, 0, kept) });
  }

  /** Every client, idle longest first; later changes do not show in it. */
  view(): ClientRecord<Reply>[] {
    return [...this.#clients.values()];
  }

  /** Takes the records of a view in place of what it has. */
  restore(records: Iterable<ClientRecord<Reply>>): void {
    this.#clients.clear();
    this.#bytes = 0;
    const idleFirst = [...records].sort((left, right) => left.lastActive - right.lastActive);
    for (const record of idleFirst) {
      this.#clients.set(record.clientId, record);
      this.#bytes += bytesOf(record.replies);
    }
  }

  /** The client, active at `index`, without the replies that it says it has. */
  #touched(known: ClientRecord<Reply>, acked: number, index: number): ClientRecord<Reply> {
    const { clientId, user } = known;
    const ackedBelow = Math.max(known.ackedBelow, acked);
    const done = positionOf(known.replies, ackedBelow);
    const replies = done === 0 ? known.replies : known.replies.slice(done);
    if (done > 0) this.#forget(known.replies.slice(0, done));
    const client = { clientId, user, lastActive: index, ackedBelow, replies };
    this.#clients.delete(clientId);
    this.#clients.set(clientId, client);
    return client;
  }

  #forget(replies: readonly KeptReply<Reply>[]): void {
    this.#bytes -= bytesOf(replies);
  }
}

/** The position of the first reply with at least this sequence. */
function positionOf(replies: readonly KeptReply<unknown>[], sequence: number): number {
  // From the end, because that is where the mutation of most requests belongs.
  let position = replies.length;
  while (position > 0 && (replies[position - 1]?.sequence ?? 0) >= sequence) position--;
  return position;
}

function bytesOf(replies: readonly KeptReply<unknown>[]): number {
  return replies.reduce((total, { bytes }) => total + bytes, 0);
}
