import type { HubStream } from './hub-stream.ts';
import type { WatchService, WatchSpec } from './types.ts';
import type { WatchGroup } from './watch-group.ts';

/**
 * Where a watch stands.
 *
 *   live      up to date, in a group: gets each new revision as it is applied
 *   behind    reads the log in slices, from `next` on
 *   future    starts at a revision that does not exist yet
 *   paused    has no credit: stays where it is, at `next`
 */
export type WatchState = 'live' | 'behind' | 'future' | 'paused';

/** A cursor into the event log, never a queue. */
export class Watch {
  readonly id: number;
  readonly stream: HubStream;
  readonly progressNotify: boolean;
  spec: WatchSpec;
  state: WatchState = 'paused';
  /** The first revision it was not given; not kept up while live. */
  next: number;
  /** Batches it may still be given; undefined without a limit. (Infinity would be an object of its own.) */
  credits: number | undefined;
  /** When it last had an event, as the hub counts rounds of progress; kept where progress is told. */
  servedInRound = 0;
  /** While live. */
  group: WatchGroup<HubStream, Watch> | undefined = undefined;

  constructor(stream: HubStream, id: number, spec: WatchSpec, service: WatchService, next: number) {
    this.stream = stream;
    this.id = id;
    this.spec = spec;
    this.progressNotify = service.progressNotify;
    this.credits = service.credits;
    this.next = next;
  }
}
