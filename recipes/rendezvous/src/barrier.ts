import { type CallOptions, type Client, compare, op, type Session } from '@lockstep/client';
import { checkedName } from './name.ts';
import { pictures } from './picture.ts';
import { type WaitOptions, waiting } from './wait.ts';

export interface CloseBarrierOptions extends CallOptions {
  /** Who closes it, for those who look: a host, a deployment. */
  readonly identity?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Closed only as long as this session lives, so that whoever closed it and died keeps nobody out. Without it the
   * barrier stays closed until somebody opens it, whatever becomes of the process that closed it.
   */
  readonly session?: Session;
}

/** A barrier that is closed, and by whom. */
export interface BarrierState {
  /** As whoever closed it named itself; empty when another program, or a person, did. */
  readonly identity: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The revision that closed it. */
  readonly revision: number;
  /** The lease of the session that it hangs on; "0" for none. */
  readonly lease: string;
}

/**
 * A gate of a name: while it is closed, {@link wait} waits. A barrier that nobody closed is open. It is one key, the name:
 * there while it is closed. So `lockstep get NAME` shows it, and `lockstep del NAME` opens it.
 *
 * Not promised: that it is still open when {@link wait} has returned. It was, at some moment since the call.
 */
export class Barrier {
  readonly name: string;
  readonly #client: Client;

  /** @throws InvalidError when the name is none. */
  constructor(client: Client, name: string) {
    this.#client = client;
    this.name = checkedName(name);
  }

  /**
   * Closes it. @returns false when it was closed already: then it stays as it is, and belongs to whoever closed it.
   * @throws LeaseLostError or ClosedError when the session has ended; what a call can end in.
   */
  async close(options: CloseBarrierOptions = {}): Promise<boolean> {
    const { identity = '', metadata = {}, session, ...call } = options;
    session?.assertValid();
    const lease = session === undefined ? {} : { lease: session.leaseId };
    const reply = await this.#client
      .txn()
      .if(compare.missing(this.name))
      .do(op.put(this.name, JSON.stringify({ identity, metadata }), lease))
      .commit(call);
    return reply.succeeded;
  }

  /** Opens it, whoever closed it, and lets all go on that wait. @returns false when it was open. */
  async open(options: CallOptions = {}): Promise<boolean> {
    const { deleted } = await this.#client.delete(this.name, options);
    return deleted > 0;
  }

  /** Who closed it; undefined when it is open. */
  async inspect(options: CallOptions = {}): Promise<BarrierState | undefined> {
    const kv = await this.#client.get(this.name, options);
    if (kv === undefined) return undefined;
    const { createRevision: revision, lease } = kv;
    const { identity, metadata } = written(new TextDecoder().decode(kv.valueBytes));
    return { identity, metadata, revision, lease };
  }

  /**
   * Resolves when it is open, or was at any moment since the call: somebody who closes it again at once takes nothing
   * from those who waited.
   * @throws DeadlineError when `timeoutMs` is over; the signal's reason; what a call can end in.
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    const late = `the barrier ${JSON.stringify(this.name)} was not opened`;
    await waiting(this.#client.clock, options, late, (signal) => this.#opened(signal));
  }

  async #opened(signal: AbortSignal): Promise<void> {
    let closedAt: number | undefined;
    for await (const { kvs } of pictures(this.#client, [this.name], { signal })) {
      const kv = kvs.get(this.name);
      closedAt ??= kv?.createRevision;
      // One that was created later was opened in between, even if nobody saw that.
      if (kv === undefined || kv.createRevision !== closedAt) return;
    }
  }
}

/** Another program may have written anything, or nothing. */
function written(value: string): Pick<BarrierState, 'identity' | 'metadata'> {
  const nothing = { identity: '', metadata: {} };
  try {
    const read: unknown = JSON.parse(value);
    if (typeof read !== 'object' || read === null) return nothing;
    const { identity = '', metadata = {} } = read as Partial<BarrierState>;
    const isPlain = typeof identity === 'string' && typeof metadata === 'object';
    return isPlain && metadata !== null ? { identity, metadata } : nothing;
  } catch {
    return nothing;
  }
}
