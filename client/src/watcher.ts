import type {
  KeySelector,
  WatchCreateParams,
  WatchEndParams,
  WatchEventsParams,
} from '@lockstep/client/protocol';
import { BatchQueue } from './batch-queue.ts';
import type { Clock } from './clock.ts';
import { ClosedError, CompactedError, LockstepError, WatchCompactedError } from './errors.ts';
import type { Requests } from './requests.ts';
import { Watch, type WatchBatch, WatchEvent, type WatchOptions } from './watch.ts';

export const watchBufferBytes = 8 * 1024 * 1024;
const retryMs = 500;

/** What the watches need of the connection under them. */
export interface WatchLink {
  readonly isUp: boolean;
  start(): void;
  /** Leaves this member for another; false when there is no other. */
  rotate(reason: string): boolean;
}

/**
 * One watch of the caller, over any number of watches on members:
 *
 *     stopped -> (start) creating -> (reply) running -> (lost, full, ended) stopped -> ...
 *
 * `nextRevision` is all that goes from one to the next: the lowest revision not yet received.
 */
interface Running {
  readonly selector: KeySelector;
  readonly prevKv: boolean;
  readonly queue: BatchQueue<WatchBatch>;
  readonly started: PromiseWithResolvers<number>;
  state: 'stopped' | 'creating' | 'running' | 'ended';
  /** The id on the present connection; a new one for each creation, so late events name the old. */
  watchId: number;
  /** 0 until a member has said where "from now on" begins. */
  nextRevision: number;
  cancelRetry: (() => void) | undefined;
  release: () => void;
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

  open(selector: KeySelector, options: WatchOptions): Watch {
    const { signal, startRevision = 0 } = options;
    if (!Number.isSafeInteger(startRevision) || startRevision < 0) {
      throw new LockstepError(
        'invalid_params',
        `startRevision is ${startRevision}; it must be a whole number, 0 for "from now on"`,
      );
    }
    const running: Running = {
      selector,
      prevKv: options.prevKv ?? false,
      queue: new BatchQueue(options.bufferBytes ?? watchBufferBytes, () => this.#taken(running)),
      started: withResolvers(),
      state: 'stopped',
      watchId: 0,
      nextRevision: startRevision,
      cancelRetry: undefined,
      release: () => {},
    };
    // Nobody has to ask for ready(): the loop over the events tells the same.
    running.started.promise.catch(() => {});
    const watch = new Watch(running.queue, running.started.promise, () => this.#close(running));
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
      running.cancelRetry?.();
      running.cancelRetry = undefined;
    }
  }

  /** `bytes` is the size of the frame that brought them. */
  events(params: WatchEventsParams, bytes: number): void {
    let batch: WatchBatch | undefined;
    for (const watchId of params.watchIds) {
      const running = this.#byId.get(watchId);
      if (running === undefined || params.revision < running.nextRevision) continue;
      batch ??= {
        revision: params.revision,
        events: params.events.map((event) => new WatchEvent(event)),
      };
      running.nextRevision = params.revision + 1;
      running.queue.push(batch, bytes);
      if (running.queue.isFull) this.#stop(running);
    }
  }

  ended(params: WatchEndParams): void {
    const running = this.#byId.get(params.watchId);
    if (running === undefined) return;
    this.#byId.delete(params.watchId);
    running.state = 'stopped';
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

  #start(running: Running): void {
    if (running.state !== 'stopped' || !this.#link.isUp || running.queue.isFull) return;
    if (running.cancelRetry !== undefined) return;
    const watchId = this.#nextWatchId++;
    running.state = 'creating';
    running.watchId = watchId;
    this.#byId.set(watchId, running);
    const minRevision = running.nextRevision === 0 ? this.#seenRevision() : 0;
    const params: WatchCreateParams = {
      ...running.selector,
      watchId,
      ...(running.nextRevision > 0 ? { startRevision: running.nextRevision } : {}),
      ...(running.prevKv ? { prevKv: true } : {}),
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

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
