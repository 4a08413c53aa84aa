import {
  type CallOptions,
  type Client,
  type Compare,
  compare,
  invalid,
  type KeyValue,
  type Operation,
  op,
} from '@lockstep/client';
import type { FleetClock } from './fleet-clock.ts';
import { PolicyError } from './policy/fault.ts';
import type { FleetKeys } from './policy/keys.ts';
import type { HistoryEntry, HostRecord } from './policy/records.ts';
import { readHost } from './policy/shapes.ts';
import { inPlace, type Step } from './policy/slots.ts';

/** A host's record, and the revision that wrote it: what a step is guarded by. */
export interface Kept {
  readonly record: HostRecord | undefined;
  readonly revision: number;
}

export interface StepOptions extends CallOptions {
  /** Who takes the step. */
  readonly by: string;
  /** What else must be true. */
  readonly if?: readonly Compare[];
  /** What else is written. */
  readonly also?: readonly Operation<unknown>[];
}

export interface Written {
  readonly isWritten: true;
  readonly record: HostRecord;
  readonly revision: number;
}

/** What became of a step: written, or not, since the record or a condition is not what it was. */
export type Outcome = Written | { readonly isWritten: false; readonly isConditionFalse: boolean };

/** Writes steps of hosts: each in one transaction that compares the record it was made from. */
export class Ledger {
  readonly client: Client;
  readonly keys: FleetKeys;
  readonly clock: FleetClock;
  /** Tells entries of one millisecond apart, in their order. */
  #entries = 0;

  constructor(client: Client, keys: FleetKeys, clock: FleetClock) {
    this.client = client;
    this.keys = keys;
    this.clock = clock;
  }

  /** @throws InvalidError when the record cannot be read; what a call can end in. */
  async read(id: string, call: CallOptions = {}): Promise<Kept> {
    const kv = await this.client.get(this.keys.host(id), call);
    if (kv === undefined) return { record: undefined, revision: 0 };
    return { record: recordIn(kv), revision: kv.modRevision };
  }

  /**
   * Writes one step, if the record is still the one it was made from.
   * @throws what a call can end in; with an AmbiguousError it may be written, and the record tells.
   */
  async write(kept: Kept, taken: Step, options: StepOptions): Promise<Outcome> {
    const step = inPlace(kept.record, kept.revision, taken);
    const { if: conditions = [], ...rest } = options;
    const { id } = step.record;
    const reply = await this.client.txn(
      {
        compare: [compare.modRevision(this.keys.host(id), '=', kept.revision), ...conditions],
        success: this.operations(step, rest),
        failure: [op.get(this.keys.host(id), { keysOnly: true })],
      },
      callOf(options),
    );
    const { revision } = reply.header;
    if (reply.succeeded) return { isWritten: true, record: step.record, revision };
    const now = reply.results[0].kv?.modRevision ?? 0;
    return { isWritten: false, isConditionFalse: now === kept.revision };
  }

  /**
   * Reads the record, makes a step of it and writes that, again while others write in between.
   * @param make gives the step, or undefined when there is nothing to do.
   * @returns undefined when there was nothing to do, or a condition of `options.if` does not hold.
   * @throws what `make` throws (a PolicyError as InvalidError); what a call can end in.
   */
  async change(
    id: string,
    make: (kept: Kept) => Step | undefined,
    options: StepOptions,
  ): Promise<Written | undefined> {
    for (;;) {
      options.signal?.throwIfAborted();
      const kept = await this.read(id, callOf(options));
      const step = legible(() => make(kept));
      if (step === undefined) return undefined;
      const outcome = await this.write(kept, step, options);
      if (outcome.isWritten) return outcome;
      if (outcome.isConditionFalse) return undefined;
    }
  }

  /** What a step writes: the record, what counts for breakers, the pace, and its row of the history. */
  operations(
    step: Step,
    { by, also = [] }: Pick<StepOptions, 'by' | 'also'>,
  ): Operation<unknown>[] {
    const { keys } = this;
    const { record, failure, kind, reason, releases } = step;
    const grant = record.grant ?? releases;
    const operations: Operation<unknown>[] = [op.put(keys.host(record.id), JSON.stringify(record))];
    if (failure !== undefined && grant !== undefined) {
      operations.push(op.put(keys.failure(record.group, grant.id), JSON.stringify(failure)));
    }
    if (releases !== undefined) {
      const pace = JSON.stringify({ grantedAt: releases.at, releasedAt: this.clock.now() });
      operations.push(op.put(keys.pace(record.group), pace), op.put(keys.fleetPace, pace));
      operations.push(op.delete(keys.now(record.id)));
    }
    if (kind !== undefined) {
      const { name, request } = record;
      const version = request?.target ?? record.version;
      operations.push(
        this.entry({
          kind,
          at: this.clock.now(),
          by,
          host: record.id,
          group: record.group,
          ...(name === undefined ? {} : { name }),
          ...(grant === undefined ? {} : { grant: grant.id }),
          ...(version === undefined ? {} : { version }),
          ...((reason ?? request?.reason) ? { reason: reason ?? request?.reason ?? '' } : {}),
        }),
      );
    }
    return [...operations, ...also];
  }

  /** A row of the history. Its key begins with the time, so that old ones can be told by their keys. */
  entry(entry: HistoryEntry): Operation<unknown> {
    const time = String(entry.at).padStart(15, '0');
    const number = String(this.#entries++ % 1e6).padStart(6, '0');
    const chance = Math.floor(this.client.clock.random() * 36 ** 6).toString(36);
    return op.put(`${this.keys.history}${time}-${number}-${chance}`, JSON.stringify(entry));
  }
}

/** @throws InvalidError when it cannot be read. */
export function recordIn(kv: KeyValue): HostRecord {
  return legible(() => readHost(kv.value));
}

function callOf({ signal, timeoutMs }: CallOptions): CallOptions {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

/** Runs what is pure; what it refuses is a wrong parameter to whoever called. */
export function legible<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw error instanceof PolicyError ? invalid(error.message) : error;
  }
}
