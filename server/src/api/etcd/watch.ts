import type { MessageInitShape } from '@bufbuild/protobuf';
import { errorTable, limits, TableError } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import type { KeyRange, WatchBatch, WatchEnd, WatchSink, WatchStream } from '../../store.ts';
import {
  WatchCreateRequest_FilterType as Filter,
  type Watch,
  type WatchCreateRequest,
  type WatchRequest,
  type WatchResponseSchema,
} from './gen/rpc_pb.ts';
import type { Answers, Call, Handlers } from './grpc/method.ts';
import { numberOf } from './numbers.ts';
import { rangeOf } from './requests.ts';
import {
  answerFields,
  eventsOf,
  fragmentsOf,
  headerField,
  type WatchAnswer,
} from './watch-encoder.ts';
import { endError } from './watch-end.ts';

/** The id of answers that belong to no watch: a create that failed, progress of all. */
const noWatch = -1;
/** A client asks for fragments so that no answer is larger than it takes (etcd: the largest request). */
const fragmentBytes = limits.requestBytesMax;
/** Ids of ended watches that are kept; most clients never ask for them again. */
const lateMax = 1_000;
const zeroByte = '\0' as KeyRange['key'];

/** etcd's Watch service. */
export function watchHandlers(calls: StoreCalls): Handlers<typeof Watch> {
  return {
    watch: (call, answers) => {
      const watches = new CallWatches(calls, call, answers);
      return {
        take: (request) => watches.take(request),
        // A client may send one request and close its half: its watches go on, as in etcd.
        ended: () => {},
        closed: () => watches.close(),
      };
    },
  };
}

/** The watches of one call. */
class CallWatches implements WatchSink {
  /** Unless the client asks to be told, its watches wait for the next leader (etcd, metadata `hasleader`). */
  readonly staysWithoutLeader: boolean;
  readonly #calls: StoreCalls;
  readonly #answers: Answers<MessageInitShape<typeof WatchResponseSchema>>;
  readonly #stream: WatchStream;
  /** Each with what every answer of it says. */
  readonly #watches = new Map<number, Buffer>();
  readonly #fragmented = new Set<number>();
  /** Ended by a compaction: as at etcd their ids stay taken until the client cancels them. */
  readonly #late = new Set<number>();
  #nextId = 0;
  #isCreating = false;
  #isRefused = false;
  #isOver = false;

  constructor(
    calls: StoreCalls,
    call: Call,
    answers: Answers<MessageInitShape<typeof WatchResponseSchema>>,
  ) {
    this.#calls = calls;
    this.#answers = answers;
    this.staysWithoutLeader = call.metadata('hasleader') !== 'true';
    this.#stream = calls.openWatchStream(this, call.context);
    answers.onRoom = () => {
      if (!this.#isOver) this.#stream.resume();
    };
  }

  take({ requestUnion: request }: WatchRequest): void {
    switch (request.case) {
      case 'createRequest':
        return this.#create(request.value);
      case 'cancelRequest':
        return this.#cancel(numberOf(request.value.watchId));
      case 'progressRequest':
        this.#stream.whenSynced((revision) => this.#tell({ watchId: noWatch }, revision));
        return;
    }
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.close();
  }

  #create(message: WatchCreateRequest): void {
    const range = rangeToWatch(message);
    const startRevision = numberOf(message.startRevision);
    try {
      // It takes no id, as etcd has it since 3.6.
      if (startRevision < 0) throw new TableError('compacted');
      checkRange(range);
      const watchId = this.#idFor(message);
      this.#start(watchId, range, startRevision, message);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      this.#refuse(error, message);
    }
  }

  #start(
    watchId: number,
    range: KeyRange,
    startRevision: number,
    message: WatchCreateRequest,
  ): void {
    // No event may come before the answer that tells the watch's id.
    this.#isCreating = true;
    try {
      this.#stream.create(watchId, {
        ranges: [range],
        startRevision,
        prevKv: message.prevKv,
        noPut: message.filters.includes(Filter.NOPUT),
        noDelete: message.filters.includes(Filter.NODELETE),
        keysOnly: false,
        progressNotify: message.progressNotify,
        credits: undefined,
      });
      this.#watches.set(watchId, answerFields({ watchId }));
      if (message.fragment) this.#fragmented.add(watchId);
      this.#tell({ watchId, created: true });
    } finally {
      this.#isCreating = false;
      if (this.#isRefused) {
        this.#isRefused = false;
        this.#stream.resume();
      }
    }
  }

  /** @throws TableError `watch_id_taken`, `too_many_requests`. */
  #idFor({ watchId }: WatchCreateRequest): number {
    if (this.#watches.size >= limits.watchesPerConnectionMax) {
      throw new TableError('too_many_requests');
    }
    if (watchId !== 0n) {
      const chosen = numberOf(watchId);
      if (this.#isTaken(chosen)) {
        throw new TableError(
          'watch_id_taken',
          'mvcc: duplicate watch ID provided on the WatchStream',
        );
      }
      return chosen;
    }
    while (this.#isTaken(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #isTaken(watchId: number): boolean {
    return this.#watches.has(watchId) || this.#late.has(watchId);
  }

  /** A create that is refused is answered as created and canceled at once; one that is too late is created first. */
  #refuse(error: TableError, message: WatchCreateRequest): void {
    if (error.code === 'compacted' && message.startRevision > 0n) {
      const watchId = message.watchId === 0n ? this.#nextId - 1 : numberOf(message.watchId);
      this.#tell({ watchId, created: true });
      this.#tellCompacted(watchId, error.compactRevision ?? 0);
      return;
    }
    const cancelReason = reasonOf(error);
    this.#tell({ watchId: noWatch, created: true, canceled: true, cancelReason });
  }

  #tellCompacted(watchId: number, compactRevision: number): void {
    this.#late.add(watchId);
    const [oldest] = this.#late;
    if (this.#late.size > lateMax && oldest !== undefined) this.#late.delete(oldest);
    this.#tell({ watchId, canceled: true, compactRevision }, 0);
  }

  #cancel(watchId: number): void {
    if (this.#forget(watchId)) this.#stream.cancel(watchId);
    else if (!this.#late.delete(watchId)) return;
    this.#tell({ watchId, canceled: true });
  }

  #forget(watchId: number): boolean {
    this.#fragmented.delete(watchId);
    return this.#watches.delete(watchId);
  }

  ready(): boolean {
    if (this.#isCreating) {
      this.#isRefused = true;
      return false;
    }
    return this.#answers.hasRoom();
  }

  events(watchIds: readonly number[], batch: WatchBatch): void {
    const header = this.#header(batch.revision);
    const events = eventsOf(batch);
    for (const watchId of watchIds) {
      const fields = this.#watches.get(watchId);
      if (fields === undefined) continue;
      if (events.length <= fragmentBytes || !this.#fragmented.has(watchId)) {
        this.#answers.sendEncoded(header, fields, events);
        continue;
      }
      const parts = fragmentsOf(batch, fragmentBytes);
      parts.forEach((part, at) => {
        const fragment = answerFields({ watchId, fragment: at < parts.length - 1 });
        this.#answers.sendEncoded(header, fragment, part);
      });
    }
  }

  progress(watchIds: readonly number[], revision: number): void {
    for (const watchId of watchIds) {
      if (this.#watches.has(watchId)) this.#tell({ watchId }, revision);
    }
  }

  ended(watchId: number, end: WatchEnd): void {
    if (!this.#forget(watchId)) return;
    if (end.reason === 'compacted') return this.#tellCompacted(watchId, end.compactRevision ?? 0);
    if (end.reason === 'permission_denied') {
      this.#tell({ watchId, canceled: true, cancelReason: denied });
      return;
    }
    // The others end a whole call: none of its watches can go on.
    this.#answers.end(endError(end.reason));
  }

  /** @param revision of the header; what is applied now without one. */
  #tell(answer: WatchAnswer, revision?: number): void {
    this.#answers.sendEncoded(this.#header(revision), answerFields(answer));
  }

  #header(revision?: number): Buffer {
    const now = this.#calls.now();
    return headerField(revision === undefined ? now : { ...now, revision });
  }
}

/** An empty key means from the first one on, and "\0" as an end has no end (etcd, watchServer.recvLoop). */
function rangeToWatch(message: WatchCreateRequest): KeyRange {
  const range = rangeOf(message);
  return range.key === '' ? { ...range, key: zeroByte } : range;
}

/** @throws TableError for a range that no key is in. */
function checkRange({ key, rangeEnd }: KeyRange): void {
  if (rangeEnd === '' || rangeEnd === zeroByte || key < rangeEnd) return;
  throw new TableError('invalid_params', 'mvcc: watcher range is empty');
}

const denied = `rpc error: code = PermissionDenied desc = ${errorTable.permission_denied.text}`;

/** Rights are refused in the words of gRPC's own errors, which etcd puts there. */
function reasonOf(error: TableError): string {
  if (error.code === 'permission_denied') return denied;
  return error.message;
}
