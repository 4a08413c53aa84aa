import { limits, type Once, TableError } from '@lockstep/client/protocol';
import type { Stamped } from '../../server/src/store.ts';

/** A refusal is an answer like another. */
interface Ran {
  readonly sequence: number;
  readonly answer: Stamped<object> | undefined;
  readonly refusal: TableError | undefined;
  readonly revision: number;
}

interface MemoryClient {
  readonly clientId: string;
  ackedBelow: number;
  ran: Ran[];
}

/** The dumb model of exactly once: a list of clients, and for each a list of what it had run. */
export class MemoryOnce {
  /** The one that was idle longest first. */
  #clients: MemoryClient[] = [];
  #registered = 0;

  register(): string {
    const clientId = String(100 + this.#registered++);
    this.#clients.push({ clientId, ackedBelow: 0, ran: [] });
    this.#clients = this.#clients.slice(-limits.onceClientsMax);
    return clientId;
  }

  forget(clientId: string): void {
    this.#clients = this.#clients.filter((client) => client.clientId !== clientId);
  }

  /**
   * Runs a mutation, or answers as the first time.
   * @throws TableError `client_expired`, `reply_evicted`, `too_many_requests`, and what the mutation threw.
   */
  run<Reply extends object>(once: Once, mutate: () => Stamped<Reply>, revision: () => number) {
    const client = this.#clients.find(({ clientId }) => clientId === once.clientId);
    if (client === undefined) throw new TableError('client_expired');
    this.forget(client.clientId);
    this.#clients.push(client);
    client.ackedBelow = Math.max(client.ackedBelow, once.ackedBelow);
    client.ran = client.ran.filter(({ sequence }) => sequence >= client.ackedBelow);
    const before = client.ran.find(({ sequence }) => sequence === once.sequence);
    // It was the same request, so it had the same kind of answer.
    if (before !== undefined) return answerAgain(before) as Stamped<Reply>;
    if (once.sequence < client.ackedBelow) throw new TableError('reply_evicted');
    if (client.ran.length >= limits.onceRepliesMax) throw new TableError('too_many_requests');
    const ran = (answer: Stamped<object> | undefined, refusal: TableError | undefined) =>
      client.ran.push({ sequence: once.sequence, answer, refusal, revision: revision() });
    try {
      const answer = mutate();
      ran(answer, undefined);
      return answer;
    } catch (error) {
      if (error instanceof TableError) ran(undefined, error);
      throw error;
    }
  }
}

function answerAgain({ answer, refusal, revision }: Ran): Stamped<object> {
  const isLarge = JSON.stringify(answer ?? {}).length > limits.onceReplyBytesMax;
  if (answer === undefined || isLarge) {
    throw refusal ?? new TableError('reply_evicted', undefined, { revision });
  }
  return answer;
}
