import type { CallOptions } from './calls/call.ts';
import { endpointUrl } from './connection/transport.ts';
import { errorFromWire, LockstepError, UnavailableError } from './errors.ts';

export interface SnapshotOptions extends CallOptions {
  /** What the member has, without asking a quorum: it may be old. For a cluster that has lost its quorum. */
  readonly serializable?: boolean;
}

/**
 * The state of one member as a backup file, in pieces as they arrive and no faster than they are read.
 * Reading throws an UnavailableError when it breaks off, or the signal's reason; whether all of it is whole, the file itself tells.
 */
export interface Snapshot extends AsyncIterable<Uint8Array> {
  /** The revision that it shows. */
  readonly revision: number;
}

/**
 * Asks the member at `endpoint` for its state.
 * @throws UnavailableError when it does not answer in time; what it refused with.
 */
export async function fetchSnapshot(
  endpoint: string,
  timeoutMs: number,
  options: SnapshotOptions,
): Promise<Snapshot> {
  const url = new URL('/v1/snapshot', endpointUrl(endpoint).replace(/^ws/, 'http'));
  if (options.serializable === true) url.search = 'serializable=true';
  const giveUp = new AbortController();
  const late = setTimeout(() => giveUp.abort(), timeoutMs);
  const abort = (): void => giveUp.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  const done = (): void => options.signal?.removeEventListener('abort', abort);
  try {
    options.signal?.throwIfAborted();
    const response = await fetch(url, { signal: giveUp.signal });
    if (!response.ok || response.body === null) throw await refusalOf(response);
    const revision = Number(response.headers.get('lockstep-revision') ?? 0);
    const reader = response.body.getReader();
    return { revision, [Symbol.asyncIterator]: () => pieces(reader, options.signal, done) };
  } catch (error) {
    done();
    if (options.signal?.aborted === true) throw options.signal.reason;
    if (error instanceof LockstepError) throw error;
    const why = giveUp.signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
    throw new UnavailableError(`no snapshot from ${endpoint} (${why})`);
  } finally {
    clearTimeout(late);
  }
}

async function* pieces(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal | undefined,
  done: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  try {
    for (;;) {
      const piece = await reader.read();
      if (piece.done) return;
      bytes += piece.value.length;
      yield piece.value;
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw new UnavailableError(`the snapshot broke off after ${bytes} bytes (${reasonOf(error)})`);
  } finally {
    done();
    // The member keeps what it shows in memory until it is told that nobody reads on.
    await reader.cancel().catch(() => {});
  }
}

async function refusalOf(response: Response): Promise<LockstepError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body === 'object' && body !== null && 'error' in body)
    return errorFromWire(body.error);
  return errorFromWire({ message: `the member answered with status ${response.status}` });
}

/** `fetch` says the same of everything, and its cause what it was. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
