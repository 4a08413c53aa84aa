import { type MessageInitShape, type MessageShape, toJson } from '@bufbuild/protobuf';
import type { Watch } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { WatchResponseSchema } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import type { GrpcStream } from '../../harness/grpc-client.ts';
import type { Json } from './messages.ts';
import { field, normalised, numberAt, revisionOf } from './normalise.ts';

type WatchMethod = typeof Watch.method.watch;
type Answer = MessageShape<WatchMethod['output']>;

/** One thing that a watch was told: an answer without events as it is, or the events of one revision in one answer. */
export type WatchEntry =
  | { readonly control: Json }
  | { readonly revision: number; readonly events: Json[]; fragment?: boolean }
  | { readonly fault: string };

/** The id of answers that belong to no watch. */
export const noWatch = '-1';

/** One call of Watch, with what each of its watches was told. */
export class RawWatchStream {
  /** By the id that the server says. */
  readonly logs = new Map<string, WatchEntry[]>();
  /** Up to which revision each watch has been told everything. */
  readonly complete = new Map<string, number>();
  /** How it ended; undefined while it runs. */
  ended: string | undefined;
  created = 0;
  canceled = 0;
  progressed = 0;
  /** The last answer to a create. */
  lastCreated: Json | undefined;
  readonly #stream: GrpcStream<WatchMethod>;
  #looks: (() => void)[] = [];

  constructor(open: (take: (answer: Answer) => void) => GrpcStream<WatchMethod>) {
    this.#stream = open((answer) => this.#take(normalised(toJson(WatchResponseSchema, answer))));
    this.#stream.done.then(
      ({ code, message }) => {
        this.ended = `${code} ${message}`;
        this.#look();
      },
      () => {},
    );
  }

  send(request: MessageInitShape<WatchMethod['input']>): void {
    this.#stream.send(request);
  }

  /** Takes a refused create out of the log again. */
  forgetRefused(): Json {
    const last = this.logs.get(noWatch)?.pop();
    if (this.logs.get(noWatch)?.length === 0) this.logs.delete(noWatch);
    return last !== undefined && 'control' in last ? last.control : null;
  }

  /** Takes the deletes of one revision out of the log again; whether there were any. */
  forgetDeletes(id: string, revision: number): boolean {
    const log = this.logs.get(id) ?? [];
    const isDelete = (event: Json): boolean => field(event, 'type') === 'DELETE';
    const kept = log.flatMap((entry) => {
      if (!('events' in entry) || entry.revision !== revision) return [entry];
      const events = entry.events.filter((event) => !isDelete(event));
      return events.length === 0 ? [] : [{ ...entry, events }];
    });
    const events = (entries: readonly WatchEntry[]): number =>
      entries.reduce((sum, entry) => sum + ('events' in entry ? entry.events.length : 0), 0);
    this.logs.set(id, kept);
    return events(kept) < events(log);
  }

  async close(): Promise<void> {
    this.#stream.cancel();
    await this.#stream.done;
  }

  #take(answer: Json): void {
    const id = String(field(answer, 'watchId') ?? '0');
    const events = field(answer, 'events');
    if (Array.isArray(events)) this.#events(id, answer, events);
    else this.#control(id, answer);
    this.#look();
  }

  #events(id: string, answer: Json, events: readonly Json[]): void {
    const log = this.#log(id);
    let group:
      | { readonly revision: number; readonly events: Json[]; fragment?: boolean }
      | undefined;
    for (const event of events) {
      const revision = numberAt(field(event, 'kv'), 'modRevision');
      if (group?.revision !== revision) {
        group = { revision, events: [] };
        log.push(group);
      }
      group.events.push(event);
    }
    if (group === undefined) return;
    if (field(answer, 'fragment') === true) group.fragment = true;
    const told = revisionOf(answer);
    if (told < group.revision) {
      log.push({ fault: `events of revision ${group.revision} under a header of ${told}` });
    }
    this.complete.set(id, group.revision);
  }

  #control(id: string, answer: Json): void {
    const isCreated = field(answer, 'created') === true;
    const isCanceled = field(answer, 'canceled') === true;
    if (isCreated) {
      this.created++;
      this.lastCreated = answer;
    }
    if (isCanceled) this.canceled++;
    if (!isCreated && !isCanceled && id !== noWatch) {
      // When a bookmark comes is the server's own affair; that it does not go back is not.
      const revision = revisionOf(answer);
      if (revision < (this.complete.get(id) ?? 0)) {
        this.#log(id).push({ fault: `a bookmark that goes back to ${revision}` });
      }
      this.complete.set(id, revision);
      return;
    }
    if (!isCreated && !isCanceled) this.progressed++;
    this.#log(id).push({ control: answer });
  }

  #log(id: string): WatchEntry[] {
    const log = this.logs.get(id) ?? [];
    this.logs.set(id, log);
    return log;
  }

  #look(): void {
    for (const look of this.#looks.splice(0)) look();
  }

  /** Resolves when it holds, looked at after each answer, with whether it did in time. */
  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const late = { is: false };
    const giveUp = setTimeout(() => {
      late.is = true;
      this.#look();
    }, withinMs);
    while (!holds() && !late.is && this.ended === undefined) {
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    }
    clearTimeout(giveUp);
    return holds();
  }
}
