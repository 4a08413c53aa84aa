import { arePairsEqual } from './answers.ts';
import type { WatchedEvent, WatcherRecord, WatchItem, WatchSession } from './history.ts';
import { isAskedFor, isWithin, type Model } from './model.ts';
import { Violation } from './violation.ts';

export interface WatchReport {
  readonly events: number;
  readonly sessions: number;
}

/**
 * The promises of a watch, for one that lasts and for one that goes on elsewhere: events come in order, once, all of a revision
 * together, without a gap, from the revision that was asked for; progress is told after everything it speaks of; a pair, the pair
 * before it and whether it is new are as they were; and nothing comes that was not asked for.
 *
 * @param model the one order of writes, from `checkLinearizable`.
 * @param compactedTo the newest revision that may have been compacted: pairs before a write may be gone up to there.
 * @throws Violation
 */
export function checkWatcher(
  record: WatcherRecord,
  model: Model,
  compactedTo: number,
): WatchReport {
  let next: number | undefined;
  let events = 0;
  for (const session of record.sessions) {
    const fail = (rule: string, message: string): never => {
      throw new Violation(
        `watch ${rule}`,
        `${record.name} at ${session.member} from ${session.from}: ${message}`,
      );
    };
    // Goes on where it was, or where the store said that it may.
    if (next !== undefined && session.from !== next) {
      fail('resumable', `it was to go on at ${next}`);
    }
    const reader = new SessionReader(record, { session, model, compactedTo, fail });
    for (const item of session.items) reader.read(item);
    next = reader.next;
    events += reader.events;
  }
  return { events, sessions: record.sessions.length };
}

interface Reading {
  readonly session: WatchSession;
  readonly model: Model;
  readonly compactedTo: number;
  readonly fail: (rule: string, message: string) => never;
}

class SessionReader {
  /** The next revision that it has to be told of. */
  next: number;
  events = 0;
  readonly #record: WatcherRecord;
  readonly #reading: Reading;
  #isOver = false;

  constructor(record: WatcherRecord, reading: Reading) {
    this.#record = record;
    this.#reading = reading;
    this.next = reading.session.from;
  }

  read(item: WatchItem): void {
    const { fail } = this.#reading;
    if (this.#isOver) fail('ended', `${JSON.stringify(item)} came after its end`);
    if (item.type === 'events') this.#readEvents(item.revision, item.events);
    else if (item.type === 'progress') this.#readProgress(item.revision);
    else {
      this.#isOver = true;
      const { resumeAt, reason } = item;
      if (resumeAt === undefined) return;
      if (resumeAt < this.next)
        fail('resumable', `it may go on at ${resumeAt}, and was at ${this.next}`);
      if (reason === 'compacted' && resumeAt > this.#reading.compactedTo) {
        fail(
          'resumable',
          `it is to go on at ${resumeAt}, and nothing is compacted beyond ${this.#reading.compactedTo}`,
        );
      }
      // Only what is compacted may be passed over.
      if (reason !== 'compacted') this.#expectNothing(resumeAt - 1);
      this.next = resumeAt;
    }
  }

  #readEvents(revision: number, events: readonly WatchedEvent[]): void {
    const { fail, model } = this.#reading;
    if (revision < this.next) {
      fail('ordered', `revision ${revision} came when ${this.next} was due`);
    }
    this.#expectNothing(revision - 1);
    const due = this.#dueAt(revision);
    const told = events.map(({ pair }) => pair.key);
    if (new Set(told).size < told.length) fail('unique', `revision ${revision} tells a key twice`);
    for (const event of events) this.#checkEvent(revision, event);
    const missing = due.filter(({ pair }) => !told.includes(pair.key));
    if (missing.length > 0) {
      fail(
        'atomic',
        `revision ${revision} came without ${missing.map(({ pair }) => pair.key).join(', ')}`,
      );
    }
    const order = due.map(({ pair }) => pair.key);
    if (order.join('\0') !== told.join('\0')) {
      fail(
        'ordered',
        `revision ${revision} wrote ${order.join(', ')}, it was told ${told.join(', ')}`,
      );
    }
    if (revision > model.revision) fail('reliable', `revision ${revision} was never written`);
    this.events += events.length;
    this.next = revision + 1;
  }

  #checkEvent(revision: number, event: WatchedEvent): void {
    const { fail } = this.#reading;
    const record = this.#record;
    const { pair, type } = event;
    const name = `${pair.key} at ${revision}`;
    if (!isWithin(record, pair.key)) fail('filtered', `${name} was not asked for`);
    if (
      (record.only === 'puts' && type !== 'put') ||
      (record.only === 'deletes' && type !== 'delete')
    ) {
      fail('filtered', `the ${type} of ${name} was not asked for`);
    }
    const own = this.#reading.model.events(revision).find((one) => one.pair.key === pair.key);
    if (own === undefined || own.type !== type || pair.modRevision !== revision) {
      return fail('reliable', `the ${type} of ${name} never happened`);
    }
    if (type === 'put' && !arePairsEqual(pair, own.pair)) {
      const isNew = (one: typeof pair): boolean => one.createRevision === one.modRevision;
      const rule = isNew(pair) === isNew(own.pair) ? 'reliable' : 'is-create';
      fail(rule, `told ${JSON.stringify(pair)}, written ${JSON.stringify(own.pair)}`);
    }
    this.#checkPrevious(event, own, name);
  }

  #checkPrevious({ prev }: WatchedEvent, own: WatchedEvent, name: string): void {
    const { fail, compactedTo } = this.#reading;
    if (!this.#record.prevKv) {
      if (prev !== undefined) fail('previous', `the pair before ${name} was not asked for`);
      return;
    }
    const mayBeGone = prev === undefined && own.pair.modRevision <= compactedTo;
    if (mayBeGone || arePairsEqual(prev, own.prev)) return;
    fail(
      'previous',
      `before ${name}: told ${JSON.stringify(prev)}, was ${JSON.stringify(own.prev)}`,
    );
  }

  #readProgress(revision: number): void {
    const { fail, model } = this.#reading;
    if (revision < this.next - 1) {
      fail('bookmarkable', `progress went back to ${revision}, ${this.next - 1} was told`);
    }
    if (revision > model.revision)
      fail('bookmarkable', `revision ${revision} of its progress was never written`);
    this.#expectNothing(revision);
    this.next = revision + 1;
  }

  /** From what is due up to a revision nothing was for this watch. */
  #expectNothing(until: number): void {
    for (let revision = this.next; revision <= until; revision++) {
      const due = this.#dueAt(revision);
      if (due.length === 0) continue;
      this.#reading.fail(
        'reliable',
        `${due[0]?.type} of ${due[0]?.pair.key} at ${revision} was never told`,
      );
    }
  }

  #dueAt(revision: number): readonly WatchedEvent[] {
    const events = this.#reading.model.events(revision);
    return events.filter((event) => isAskedFor(this.#record, event));
  }
}
