import type {
  KeySelector,
  WatchCreateParams,
  WatchEndParams,
  WatchEventsParams,
  WatchProgressParams,
} from '@lockstep/client/protocol';
import type { Requests } from '../calls/requests.ts';
import type { Clock } from '../clock.ts';
import { watchChannel } from '../connection/trace.ts';
import {
  ClosedError,
  CompactedError,
  invalid,
  LockstepError,
  UnavailableError,
  WatchCompactedError,
} from '../errors.ts';
import { BatchQueue } from './batch-queue.ts';
import { latestOnly } from './overflow.ts';
import { WatchEvent, type WatchItem, type WatchOptions, type WatchSource } from './watch.ts';
import { readList } from './watch-list.ts';
import { createParams, type Running, startOf, stays, withResolvers } from './watch-state.ts';

export const watchBufferBytes = 8 * 1024 * 1024;
const retryMs = 500;
/** About what a mark's frame takes. */
const markBytes = 128;

/** What the watches need of the connection under them. */
export interface WatchLink {
  readonly isUp: boolean;
  start(): void;
  /** Leaves this member for another; false when there is no other. */
  rotate(reason: string): boolean;
  /** Gives up the connection and connects again. */
  drop(reason: string): void;
}

/** What the client has learned from any answer. */
export interface WatchContext {
  /** The newest revision the client has seen: a watch "from now on" must not begin before it. */
  seenRevision(): number;
  clusterId(): string | undefined;
}

/** All watches of a client. */
export class Watcher {
  readonly #link: WatchLink;
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #context: WatchContext;
  readonly #all = new Set<Running>();
  readonly #byId = new Map<number, Running>();
  /** Watches that read history, by id, until it is through. */
  readonly #unsynced = new Map<number, Running>();
  #asking = false;
  #nextWatchId = 1;

  constructor(link: WatchLink, requests: Requests, clock: Clock, context: WatchContext) {
    this.#link = link;
    this.#requests = requests;
    this.#clock = clock;
    this.#context = context;
  }

  /**
   * @param onRunning told whenever a member begins to run the watch, or no longer does.
   * @throws InvalidError.
   */
  open(
    ranges: readonly KeySelector[],
    options: WatchOptions,
    onRunning?: (isRunning: boolean) => void,
  ): WatchSource {
    const { signal } = options;
    const running: Running = {
      params: createParams(ranges, options),
      ranges,
      options,
      queue: new BatchQueue<WatchItem>(options.bufferBytes ?? watchBufferBytes, () =>
        this.#taken(running),
      ),
      started: withResolvers(),
      state: 'stopped',
      watchId: 0,
      ...startOf(options),
      list: options.initial === true ? 'initial' : undefined,
      known: undefined,
      knowsAll: options.initial === true,
      synced: false,
      listing: undefined,
      onRoom: undefined,
      partial: undefined,
      cancelRetry: undefined,
      onRunning,
      release: () => {},
    };
    // Nobody has to ask for ready(): the loop over the events tells the same.
    running.started.promise.catch(() => {});
    const clusterId = (): string | undefined => this.#context.clusterId();
    const source: WatchSource = {
      queue: running.queue,
      started: running.started.promise,
      get isRunning() {
        return running.state === 'running';
      },
      get clusterId() {
        return clusterId();
      },
      requestProgress: () => this.#requestProgress(running),
      close: () => this.#close(running),
    };
    this.#all.add(running);
    if (signal?.aborted) {
      this.#fail(running, signal.reason);
      return source;
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
    return source;
  }

  up(): void {
    for (const running of this.#all) this.#start(running);
  }

  down(): void {
    this.#byId.clear();
    for (const running of this.#all) {
      // A list goes on by itself: its calls are sent again.
      if (running.state !== 'listing') this.#enter(running, 'stopped');
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
    const { watchId, reason, resumeRevision, compactRevision = resumeRevision - 1 } = params;
    const running = this.#byId.get(watchId);
    if (running === undefined) return;
    this.#byId.delete(watchId);
    this.#enter(running, 'stopped');
    running.partial = undefined;
    running.nextRevision ||= resumeRevision;
    if (reason === 'compacted') {
      this.#overtaken(running, new WatchCompactedError(compactRevision, resumeRevision));
      return;
    }
    const moved = !stays.has(reason) && this.#link.rotate(`the member says: ${reason}`);
    if (!moved) this.#goOnLater(running);
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
    if (running.known !== undefined) for (const event of events) running.known.take(event);
    this.#push(running, { type: 'events', revision, events, isListed: false }, bytes);
  }

  /** Everything up to `revision` has arrived, so the watch resumes behind it. */
  #progressed(running: Running, revision: number, bytes: number): void {
    if (running.partial !== undefined || revision < running.nextRevision - 1) return;
    running.nextRevision = revision + 1;
    this.#push(running, { type: 'progress', revision }, bytes);
  }

  #push(running: Running, item: WatchItem, bytes: number): void {
    const { queue } = running;
    const { overflow = 'block' } = running.options;
    queue.push(item, bytes);
    if (queue.isFull && overflow === 'latest') queue.replace(latestOnly);
    if (!queue.isFull) return;
    this.#stop(running);
    if (overflow !== 'error') return;
    const message = `the watch holds more than ${running.options.bufferBytes ?? watchBufferBytes} bytes that were not taken`;
    this.#fail(running, new LockstepError('overflow', message));
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
    this.#progressed(running, result.header.revision, markBytes);
    return result.header.revision;
  }

  #start(running: Running): void {
    if (running.state !== 'stopped' || !this.#link.isUp || running.queue.isFull) return;
    if (running.cancelRetry !== undefined) return;
    if (running.clusterId !== undefined && running.clusterId !== this.#context.clusterId()) {
      const message = `the resume token is of cluster ${running.clusterId}, and this is cluster ${this.#context.clusterId()}`;
      this.#fail(running, invalid(message));
    } else if (running.list !== undefined) this.#list(running);
    else this.#create(running);
  }

  #create(running: Running): void {
    const watchId = this.#nextWatchId++;
    this.#enter(running, 'creating');
    running.watchId = watchId;
    this.#byId.set(watchId, running);
    const minRevision = running.nextRevision === 0 ? this.#context.seenRevision() : 0;
    const params: WatchCreateParams = {
      ...running.params,
      watchId,
      ...(running.nextRevision > 0 ? { startRevision: running.nextRevision } : {}),
      ...(minRevision > 0 ? { minRevision } : {}),
    };
    this.#requests.call('watch.create', params).then(
      (result) => {
        if (this.#byId.get(watchId) !== running) return;
        this.#enter(running, 'running');
        // Events that came before this reply have moved it further already.
        running.nextRevision = Math.max(running.nextRevision, result.startRevision);
        running.started.resolve(result.startRevision);
        this.#sync(running, result.startRevision, result.header.revision);
      },
      (error: unknown) => this.#refused(running, watchId, error),
    );
  }

  /** Says `synced`, once: when the watch has been sent what had happened before it was there. */
  #sync(running: Running, startRevision: number, revision: number): void {
    if (running.synced) return;
    if (startRevision > revision) {
      running.synced = true;
      this.#push(running, { type: 'synced', revision: startRevision - 1 }, markBytes);
      return;
    }
    this.#unsynced.set(running.watchId, running);
    this.#askSynced();
  }

  /** One question for all that began meanwhile: the answer holds for every watch of the connection. */
  #askSynced(): void {
    if (this.#asking || this.#unsynced.size === 0) return;
    const asked = [...this.#unsynced];
    this.#unsynced.clear();
    this.#asking = true;
    this.#requests
      .call('watch.progress', {})
      .then(
        ({ header: { revision } }) => {
          for (const [watchId, running] of asked) {
            if (running.synced || this.#byId.get(watchId) !== running) continue;
            running.synced = true;
            running.nextRevision = Math.max(running.nextRevision, revision + 1);
            this.#push(running, { type: 'synced', revision }, markBytes);
          }
        },
        // Where the connection is gone the next one is asked; this is for a member that did not answer.
        () => {
          for (const [watchId, running] of asked) {
            if (this.#byId.get(watchId) === running) this.#goOnLater(running);
          }
        },
      )
      .finally(() => {
        this.#asking = false;
        this.#askSynced();
      })
      .catch(() => {});
  }

  #list(running: Running): void {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    this.#enter(running, 'listing');
    running.listing = giveUp;
    readList(running, this.#requests, () => this.#context.seenRevision(), signal).then(
      (revision) => {
        if (running.listing === giveUp) this.#listed(running, revision);
      },
      (error: unknown) => {
        if (running.listing === giveUp) this.#listFailed(running, error);
      },
    );
  }

  #listed(running: Running, revision: number): void {
    running.listing = undefined;
    running.nextRevision = revision + 1;
    this.#enter(running, 'stopped');
    const { list, knowsAll: complete } = running;
    running.list = undefined;
    running.knowsAll = true;
    if (list === 'initial') {
      running.synced = true;
      this.#push(running, { type: 'synced', revision }, markBytes);
    } else this.#push(running, { type: 'relisted', revision, complete }, markBytes);
    this.#start(running);
  }

  #listFailed(running: Running, error: unknown): void {
    running.listing = undefined;
    this.#enter(running, 'stopped');
    const again = error instanceof LockstepError && error.retryable;
    // What was read by then is known, so that it is read again without giving it twice.
    if (again || error instanceof CompactedError) this.#goOnLater(running);
    else this.#fail(running, error);
  }

  /** Compaction took what the watch should have been given next. */
  #overtaken(running: Running, error: WatchCompactedError): void {
    if (running.options.onCompaction !== 'relist') return this.#fail(running, error);
    running.list = 'difference';
    if (watchChannel.hasSubscribers) watchChannel.publish({ change: 'relist', error });
    this.#start(running);
  }

  #refused(running: Running, watchId: number, error: unknown): void {
    if (this.#byId.get(watchId) !== running) return;
    this.#byId.delete(watchId);
    this.#enter(running, 'stopped');
    if (error instanceof CompactedError) {
      const { compactRevision } = error;
      // The state at the compaction is whole, the event of its very revision too.
      this.#overtaken(running, new WatchCompactedError(compactRevision, compactRevision));
    } else if (error instanceof LockstepError && error.retryable) {
      // A reply that came too late may have left the watch running under the old id.
      if (error.code === 'deadline_exceeded') this.#cancelAtMember(watchId);
      this.#goOnLater(running);
    } else this.#fail(running, error);
  }

  #goOnLater(running: Running): void {
    running.cancelRetry?.();
    running.cancelRetry = this.#clock.after(this.#clock.random() * retryMs, () => {
      running.cancelRetry = undefined;
      if (running.state === 'running') this.#sync(running, 0, 0);
      else this.#start(running);
    });
  }

  #taken(running: Running): void {
    if (!running.queue.isHalfEmpty) return;
    running.onRoom?.();
    if (running.state === 'stopped') this.#start(running);
  }

  /** Stops the flow at its source; what still arrives under the old id is dropped and comes again. */
  #stop(running: Running): void {
    running.listing?.abort(new ClosedError('the watch is closed'));
    running.listing = undefined;
    if (running.state !== 'creating' && running.state !== 'running') return;
    this.#enter(running, 'stopped');
    running.partial = undefined;
    this.#byId.delete(running.watchId);
    this.#cancelAtMember(running.watchId);
  }

  #cancelAtMember(watchId: number): void {
    // Whatever the answer: nothing is delivered under that id any more.
    if (this.#link.isUp) this.#requests.call('watch.cancel', { watchId }).catch(() => {});
  }

  #close(running: Running): void {
    if (running.state === 'ended') return;
    this.#stop(running);
    running.queue.finish();
    this.#fail(running, new ClosedError('the watch is closed'));
  }

  #fail(running: Running, error: unknown): void {
    if (running.state === 'ended') return;
    running.listing?.abort(error);
    running.listing = undefined;
    this.#enter(running, 'ended');
    this.#byId.delete(running.watchId);
    this.#all.delete(running);
    running.cancelRetry?.();
    running.release();
    running.started.reject(error);
    running.queue.fail(error);
  }

  #enter(running: Running, state: Running['state']): void {
    const was = running.state;
    running.state = state;
    const changed = (was === 'running') !== (state === 'running');
    if (changed) running.onRunning?.(state === 'running');
    if ((changed || state === 'ended') && watchChannel.hasSubscribers) {
      watchChannel.publish({ change: state, nextRevision: running.nextRevision });
    }
  }
}
