import type { KeySelector, WatchCreateParams, WatchEndReason } from '@lockstep/client/protocol';
import { invalid } from '../errors.ts';
import type { BatchQueue } from './batch-queue.ts';
import type { KnownKeys } from './known-keys.ts';
import { parseResumeToken, type WatchEvent, type WatchItem, type WatchOptions } from './watch.ts';

/** Ends for which another member would do no better. */
export const stays: ReadonlySet<WatchEndReason> = new Set(['slow_consumer', 'permission_denied']);

/**
 * One watch of the caller, over any number of watches on members:
 *
 *     stopped -> (start) [listing ->] creating -> (reply) running -> (lost, full, ended) stopped -> ...
 *
 * `nextRevision` is all that goes from one to the next: the lowest revision not yet received.
 */
export interface Running {
  readonly params: CreateParams;
  readonly ranges: readonly KeySelector[];
  readonly options: WatchOptions;
  readonly queue: BatchQueue<WatchItem>;
  readonly started: PromiseWithResolvers<number>;
  state: 'stopped' | 'listing' | 'creating' | 'running' | 'ended';
  /** The id on the present connection; a new one for each creation, so late events name the old. */
  watchId: number;
  /** 0 until a member has said where "from now on" begins. */
  nextRevision: number;
  /** The cluster that a resume token names; another one's revisions mean nothing. */
  readonly clusterId: string | undefined;
  /** What must be read before the watch can go on: everything at first, the difference later. */
  list: 'initial' | 'difference' | undefined;
  /** The keys that the consumer was told of, as far as a later difference needs them. */
  known: KnownKeys | undefined;
  /** False when `known` may lack keys that the consumer holds. */
  knowsAll: boolean;
  /** The consumer was told that it has what was there or had happened before. */
  synced: boolean;
  /** Ends the list that is being read. */
  listing: AbortController | undefined;
  /** The list waits for room in the queue. */
  onRoom: (() => void) | undefined;
  /** The fragments of a revision that is not complete yet. */
  partial: PartialRevision | undefined;
  cancelRetry: (() => void) | undefined;
  /** Told whenever `state` changes between running and anything else. */
  onRunning: ((isRunning: boolean) => void) | undefined;
  release: () => void;
}

export interface PartialRevision {
  readonly revision: number;
  readonly events: WatchEvent[];
  bytes: number;
}

export interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

type CreateParams = Omit<WatchCreateParams, 'startRevision' | 'watchId' | 'minRevision'>;

/** Where a watch begins, by its options. @throws InvalidError when they do not fit together. */
export function startOf(options: WatchOptions): {
  readonly nextRevision: number;
  readonly clusterId: string | undefined;
} {
  const { startRevision = 0, resume, initial = false, onCompaction = 'error' } = options;
  const { bufferBytes = 1 } = options;
  if (!(bufferBytes > 0)) throw invalid(`bufferBytes is ${bufferBytes}; it must be above 0`);
  if (!Number.isSafeInteger(startRevision) || startRevision < 0) {
    throw invalid(
      `startRevision is ${startRevision}; it must be a whole number, 0 for "from now on"`,
    );
  }
  const given = [startRevision > 0, resume !== undefined, initial].filter(Boolean);
  if (given.length > 1) {
    throw invalid('startRevision, resume and initial say where to begin: give one of them');
  }
  if (onCompaction === 'relist' && !initial && resume === undefined) {
    throw invalid(
      "onCompaction: 'relist' gives a difference to what the watch has given before: begin with initial: true, or with resume",
    );
  }
  if (resume === undefined) return { nextRevision: startRevision, clusterId: undefined };
  const token = parseResumeToken(resume);
  if (token === undefined) {
    throw invalid(`resume is ${JSON.stringify(resume)}; it must be the resumeToken of a watch`);
  }
  return { nextRevision: token.revision + 1, clusterId: token.clusterId };
}

/** @throws InvalidError when there is nothing to watch. */
export function createParams(ranges: readonly KeySelector[], options: WatchOptions): CreateParams {
  const [only] = ranges;
  if (only === undefined) throw invalid('ranges is empty; a watch needs at least one');
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

export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
