import type {
  KeySelector,
  WatchCreateParams,
  WatchEndParams,
  WatchEventsParams,
  WatchProgressParams,
} from '@lockstep/client/protocol';
import { BatchQueue } from './batch-queue.ts';
import type { Clock } from './clock.ts';
import {
  ClosedError,
  CompactedError,
  LockstepError,
  UnavailableError,
  WatchCompactedError,
} from './errors.ts';
import type { Requests } from './requests.ts';
import { Watch, WatchEvent, type WatchItem, type WatchOptions } from './watch.ts';

export const watchBufferBytes = 8 * 1024 * 1024;
const retryMs = 500;
/** About what the frame of a progress takes. */
const progressBytes = 128;

/** What the watches need of the connection under them. */
export interface WatchLink {
  readonly isUp: boolean;
  start(): void;
  /** Leaves this member for another; false when there is no other. */
  rotate(reason: string): boolean;
  /** Gives up the connection and connects again. */
  drop(reason: string): void;
}

/**
 * One watch of the caller, over any number of watches on members:
 *
 *     stopped -> (start) creating -> (reply) running -> (lost, full, ended) stopped -> ...
 *
 * `nextRevision` is all that goes from one to the next: the lowest revision not yet received.
 */
interface Running {
  readonly params: WatchCreateParams;
  readonly queue: BatchQueue<WatchItem>;
  readonly started: PromiseWithResolvers<number>;
  state: 'stopped' | 'creating' | 'running' | 'ended';
  /** The id on the present connection; a new one for each creation, so late events name the old. */
  watchId: number;
  /** 0 until a member has said where "from now on" begins. */
  nextRevision: number;
  /** The fragments of a revision that is not complete yet. */
  partial: PartialRevision | undefined;
  cancelRetry: (() => void) | undefined;
  release: () => void;
}

interface PartialRevision {
  readonly revision: number;
  readonly events: WatchEvent[];
  bytes: number;
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** All watches of a client. */
export class Watcher {
  readonly #link: WatchLink;
  readonly #requests: Requests;
  readonly #clock: Clock;
  /** The newest revision the client has seen: a watch "from now on" must not begin before it. */
  readonly #seenRevision: () => number;
  readonly #all = new Set<Running>();
  readonly #byId = new Map<number, Running>();
  #nextWatchId = 1;

  constructor(link: WatchLink, requests: Requests, clock: Clock, seenRevision: () => number) {
    this.#link = link;
    this.#requests = requests;
    this.#clock = clock;
    this.#seenRevision = seenRevision;
  }

  /** @throws LockstepError `invalid_params`. */
  open(ranges: readonly KeySelector[], options: WatchOptions): Watch {
    const { signal } = options;
    const running: Running = {
      params: createParams(ranges, options),
      queue: new BatchQueue(options.bufferBytes ?? watchBufferBytes, () => this.#taken(running)),
      started: withResolvers(),
      state: 'stopped',
      watchId: 0,
      nextRevision: options.startRevision ?? 0,
      partial: undefined,
      cancelRetry: undefined,
      release: () => {},
    };
    // Nobody has to ask for ready(): the loop over the events tells the same.
    running.started.promise.catch(() => {});
    const watch = new Watch({
      queue: running.queue,
      started: running.started.promise,
      onProgress: options.onProgress,
      requestProgress: () => this.#requestProgress(running),
      close: () => this.#close(running),
    });
    this.#all.add(running);
    if (signal?.aborted) {
      this.#fail(running, signal.reason);
      return watch;
    }
    const abort = (): void => {
      this.#stop(running);
      running.queue.abandon(signal?.reason);
      this.#fail(running, signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    running.release = () => signal?.removeEventListener('abort', abort);
    this.#link.start();
    this.#start(running);
    return watch;
  }

  up(): void {
    for (const running of this.#all) this.#start(running);
  }

  down(): void {
    this.#byId.clear();
    for (const running of this.#all) {
      running.state = 'stopped';
      running.partial = undefined;
      running.cancelRetry?.();
      running.cancelRetry = undefined;
    }
  }

  /** `bytes` is the size of the frame that brought them. */
  events(params: WatchEventsParams, bytes: number): void {
    let events: readonly WatchEvent[] | undefined;
    for (const watchId of params.watchIds) {
      const running = this.#byId.get(watchId);
      if (running === undefined || params.revision < running.nextRevision) continue;
      events ??= params.events.map((event) => new WatchEvent(event));
      if (params.fragment === true || running.partial !== undefined) {
        this.#fragment(running, params, events, bytes);
      } else this.#received(running, params.revision, events, bytes);
    }
  }

  progress({ watchIds, revision }: WatchProgressParams, bytes: number): void {
    for (const watchId of watchIds) {
      const running = this.#byId.get(watchId);
      if (running !== undefined) this.#progressed(running, revision, bytes);
    }
  }

  ended(params: WatchEndParams): void {
    const running = this.#byId.get(params.watchId);
    if (running === undefined) return;
    this.#byId.delete(params.watchId);
    running.state = 'stopped';
    running.partial = undefined;
    running.nextRevision ||= params.resumeRevision;
    if (params.reason === 'compacted') {
      const { compactRevision = params.resumeRevision - 1, resumeRevision } = params;
      this.#fail(running, new WatchCompactedError(compactRevision, resumeRevision));
      return;
    }
    const moved =
      params.reason !== 'slow_consumer' && this.#link.rotate(`the member says: ${params.reason}`);
    if (!moved) this.#startLater(running);
  }

  close(): void {
    for (const running of this.#all) this.#fail(running, new ClosedError());
  }

  /** A revision is delivered whole: its fragments wait for the last one. */
  #fragment(
    running: Running,
    { revision, fragment }: WatchEventsParams,
    events: readonly WatchEvent[],
    bytes: number,
  ): void {
    running.partial ??= { revision, events: [], bytes: 0 };
    const { partial } = running;
    if (partial.revision !== revision) {
      // Connecting again brings that revision from its beginning.
      this.#link.drop(`it left revision ${partial.revision} of a watch without an end`);
      return;
    }
    partial.events.push(...events);
    partial.bytes += bytes;
    if (fragment === true) return;
    running.partial = undefined;
    this.#received(running, revision, partial.events, partial.bytes);
  }

  #received(
    running: Running,
    revision: number,
    events: readonly WatchEvent[],
    bytes: number,
  ): void {
    running.nextRevision = revision + 1;
    running.queue.push({ revision, events }, bytes);
    if (running.queue.isFull) this.#stop(running);
  }

  /** Everything up to `revision` has arrived, so the watch resumes behind it. */
  #progressed(running: Running, revision: number, bytes: number): void {
    if (running.partial !== undefined || revision < running.nextRevision - 1) return;
    running.nextRevision = revision + 1;
    running.queue.push({ progress: revision }, bytes);
    if (running.queue.isFull) this.#stop(running);
  }

  async #requestProgress(running: Running): Promise<number> {
    await running.started.promise;
    if (running.state === 'ended') throw new ClosedError('the watch is closed');
    const { watchId } = running;
    const result =
      running.state === 'running' ? await this.#requests.call('watch.progress', {}) : undefined;
    if (result === undefined || this.#byId.get(watchId) !== running) {
      throw new UnavailableError('no member runs the watch at this moment');
    }
    this.#progressed(running, result.header.revision, progressBytes);
    return result.header.revision;
  }

  #start(running: Running): void {
    if (running.state !== 'stopped' || !this.#link.isUp || running.queue.isFull) return;
    if (running.cancelRetry !== undefined) return;
    const watchId = this.#nextWatchId++;
    running.state = 'creating';
    running.watchId = watchId;
    this.#byId.set(watchId, running);
    const minRevision = running.nextRevision === 0 ? this.#seenRevision() : 0;
    const params: WatchCreateParams = {
      ...running.params,
      watchId,
      ...(running.nextRevision > 0 ? { startRevision: running.nextRevision } : {}),
      ...(minRevision > 0 ? { minRevision } : {}),
    };
    this.#requests.call('watch.create', params).then(
      (result) => {
        if (this.#byId.get(watchId) !== running) return;
        running.state = 'running';
        // Events that came before this reply have moved it further already.
        running.nextRevision = Math.max(running.nextRevision, result.startRevision);
        running.started.resolve(result.startRevision);
      },
      (error: unknown) => this.#refused(running, watchId, error),
    );
  }

  #refused(running: Running, watchId: number, error: unknown): void {
    if (this.#byId.get(watchId) !== running) return;
    this.#byId.delete(watchId);
    running.state = 'stopped';
    if (error instanceof CompactedError) {
      const { compactRevision } = error;
      this.#fail(running, new WatchCompactedError(compactRevision, compactRevision + 1));
    } else if (error instanceof LockstepError && error.retryable) {
      // A reply that came too late may have left the watch running under the old id.
      if (error.code === 'deadline_exceeded') this.#cancelAtMember(watchId);
      this.#startLater(running);
    } else this.#fail(running, error);
  }

  #startLater(running: Running): void {
    running.cancelRetry?.();
    running.cancelRetry = this.#clock.after(this.#clock.random() * retryMs, () => {
      running.cancelRetry = undefined;
      this.#start(running);
    });
  }

  #taken(running: Running): void {
    if (running.state === 'stopped' && running.queue.isHalfEmpty) this.#start(running);
  }

  /** Stops the flow at its source; what still arrives under the old id is dropped and comes again. */
  #stop(running: Running): void {
    if (running.state !== 'creating' && running.state !== 'running') return;
    running.state = 'stopped';
    running.partial = undefined;
    this.#byId.delete(running.watchId);
    this.#cancelAtMember(running.watchId);
  }

  #cancelAtMember(watchId: number): void {
    if (!this.#link.isUp) return;
    // Whatever the answer: nothing is delivered under that id any more.
    this.#requests.call('watch.cancel', { watchId }).catch(() => {});
  }

  #close(running: Running): void {
    if (running.state === 'ended') return;
    this.#stop(running);
    running.queue.finish();
    this.#fail(running, new ClosedError('the watch is closed'));
  }

  #fail(running: Running, error: unknown): void {
    if (running.state === 'ended') return;
    running.state = 'ended';
    this.#byId.delete(running.watchId);
    this.#all.delete(running);
    running.cancelRetry?.();
    running.release();
    running.started.reject(error);
    running.queue.fail(error);
  }
}

function createParams(
  ranges: readonly KeySelector[],
  options: WatchOptions,
): Omit<WatchCreateParams, 'startRevision' | 'watchId' | 'minRevision'> {
  const { startRevision = 0 } = options;
  if (!Number.isSafeInteger(startRevision) || startRevision < 0) {
    throw new LockstepError(
      'invalid_params',
      `startRevision is ${startRevision}; it must be a whole number, 0 for "from now on"`,
    );
  }
  const [only] = ranges;
  if (only === undefined) {
    throw new LockstepError('invalid_params', 'ranges is empty; a watch needs at least one');
  }
  return {
    ...(ranges.length === 1 ? only : { ranges }),
    // Else a revision larger than a frame could not be delivered.
    fragment: true,
    ...(options.prevKv === true ? { prevKv: true } : {}),
    ...(options.noPut === true ? { noPut: true } : {}),
    ...(options.noDelete === true ? { noDelete: true } : {}),
    ...(options.keysOnly === true ? { keysOnly: true } : {}),
    ...(options.progressNotify === true ? { progressNotify: true } : {}),
  };
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
