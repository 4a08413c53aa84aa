import { isMethodName, type MethodName } from '@lockstep/client/protocol';

/** An answer on its way to a client. */
export interface Reply {
  /** The name of the member that gives it. */
  readonly member: string;
  readonly method: MethodName;
  /** What was asked, as it came. */
  readonly params: unknown;
  /** False when the member refused. */
  readonly ok: boolean;
}

export type ReplyFilter = (reply: Reply) => boolean;

/** Which call each answer of one connection belongs to. */
export class Replies {
  readonly #member: string;
  readonly #asked = new Map<string, { readonly method: MethodName; readonly params: unknown }>();

  constructor(member: string) {
    this.#member = member;
  }

  /** A frame of the client. */
  asked(text: string): void {
    for (const call of callsIn(text)) {
      const { id, method, params } = call as Readonly<Record<string, unknown>>;
      if (typeof method !== 'string' || !isMethodName(method)) continue;
      // Under any other id the session answers that it is none.
      if (typeof id !== 'string' && typeof id !== 'number') continue;
      this.#asked.set(JSON.stringify(id), { method, params });
    }
  }

  /** A frame of the member; undefined when it answers no call. */
  answered(text: string): Reply | undefined {
    const match = answer.exec(text);
    if (match === null) return undefined;
    const [, id = '', outcome] = match;
    const call = this.#asked.get(id);
    this.#asked.delete(id);
    return call && { member: this.#member, ...call, ok: outcome === 'result' };
  }
}

const answer = /^\{"jsonrpc":"2\.0","id":("(?:[^"\\]|\\.)*"|-?[\d.eE+-]+),"(result|error)"/;

function callsIn(text: string): readonly unknown[] {
  try {
    const frame: unknown = JSON.parse(text);
    const calls: readonly unknown[] = Array.isArray(frame) ? frame : [frame];
    return calls.filter((call) => typeof call === 'object' && call !== null);
  } catch {
    // The session says what is wrong with it.
    return [];
  }
}
