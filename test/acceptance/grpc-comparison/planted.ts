/** What the door could get wrong, put before its answers. The comparison is worth what it finds of these. */

import type { Json, RawCall } from './messages.ts';
import { isObject, type JsonObject, numberAt } from './normalise.ts';
import type { ComparedApi, Outcome } from './raw-store.ts';
import type { RawWatchStream, WatchEntry } from './raw-watch-stream.ts';

export interface Fault {
  readonly outcome?: (call: RawCall, outcome: Outcome) => Outcome;
  /** Changes what a watch was told so far. */
  readonly log?: (entries: readonly WatchEntry[]) => WatchEntry[];
}

export const plantedFaults: Readonly<Record<string, Fault>> = {
  'the revision of a header is one too high after a put': {
    outcome: on('Put', (answer) => ({
      ...answer,
      header: {
        ...objectAt(answer, 'header'),
        revision: `${numberAt(answer.header, 'revision') + 1}`,
      },
    })),
  },
  'a put has no header': { outcome: on('Put', without('header')) },
  'a put does not tell the pair before it': { outcome: on('Put', without('prevKv')) },
  'the count of a range is that of its pairs': {
    outcome: on('Range', (answer) =>
      answer.more === true && Array.isArray(answer.kvs)
        ? { ...answer, count: `${answer.kvs.length}` }
        : answer,
    ),
  },
  'more is never true': { outcome: on('Range', without('more')) },
  'pairs do not tell their lease': {
    outcome: (_, outcome) => ({ ...outcome, answers: outcome.answers.map(leaseless) }),
  },
  'operations of a transaction have whole headers': {
    outcome: on('Txn', (answer) => ({
      ...answer,
      ...(Array.isArray(answer.responses) && {
        responses: answer.responses.map((each) => withIds(each)),
      }),
    })),
  },
  'an operation of no kind is left out': {
    outcome: (call, outcome) =>
      call.method.name === 'Txn' && outcome.message.endsWith('key not found')
        ? { code: 0, message: '', answers: [{}] }
        : outcome,
  },
  'an error has another text': refusal('lease already exists', {
    message: 'etcdserver: lease exists',
  }),
  'an error has another code': refusal('future revision', { code: 3 }),
  'Lock and Election keep the code of an error': {
    outcome: (_call, outcome) =>
      outcome.code === 2 && outcome.message.endsWith('lease not found')
        ? { ...outcome, code: 5 }
        : outcome,
  },
  'a lease that is gone is an error': {
    outcome: (call, outcome) =>
      call.method.name === 'LeaseTimeToLive' && numberAt(outcome.answers[0], 'TTL') < 0
        ? { code: 5, message: 'etcdserver: requested lease not found', answers: [] }
        : outcome,
  },
  'a watch loses a revision': { log: (entries) => entries.filter((_, at) => at !== 3) },
  'a watch is told a revision twice': {
    log: (entries) => entries.flatMap((each, at) => (at === 2 ? [each, each] : [each])),
  },
  'a revision of a watch comes in two answers': {
    log: (entries) =>
      entries.flatMap((each) =>
        'events' in each && each.events.length > 1
          ? [
              { ...each, events: each.events.slice(0, 1) },
              { ...each, events: each.events.slice(1) },
            ]
          : [each],
      ),
  },
  'an event tells no pair before it': {
    log: (entries) =>
      entries.map((each) =>
        'events' in each
          ? { ...each, events: each.events.map(asObject).map(without('prevKv')) }
          : each,
      ),
  },
  'a canceled watch tells no compaction': {
    log: (entries) =>
      entries.map((each) =>
        'control' in each ? { control: without('compactRevision')(asObject(each.control)) } : each,
      ),
  },
  'a refused watch tells no reason': {
    log: (entries) =>
      entries.map((each) =>
        'control' in each ? { control: without('cancelReason')(asObject(each.control)) } : each,
      ),
  },
};

/** The server with a fault before its answers. */
export function plant(fault: Fault): (api: ComparedApi) => ComparedApi {
  return (api) => ({
    name: api.name,
    call: async (call) => {
      const outcome = await api.call(call);
      return fault.outcome?.(call, outcome) ?? outcome;
    },
    stream: (number) => withFault(api.stream(number), fault),
    closeStreams: () => api.closeStreams(),
    close: () => api.close(),
  });
}

/** The same stream, but for what its logs say. */
function withFault(stream: RawWatchStream, { log }: Fault): RawWatchStream {
  if (log === undefined) return stream;
  return new Proxy(stream, {
    get: (target, name) => {
      if (name === 'logs') {
        return new Map([...target.logs].map(([id, entries]) => [id, log(entries)]));
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function on(name: string, change: (answer: JsonObject) => JsonObject) {
  return (call: RawCall, outcome: Outcome): Outcome =>
    call.method.name === name
      ? { ...outcome, answers: outcome.answers.map((each) => change(asObject(each))) }
      : outcome;
}

function refusal(end: string, wrong: Partial<Outcome>): Fault {
  return {
    outcome: (_, outcome) => (outcome.message.endsWith(end) ? { ...outcome, ...wrong } : outcome),
  };
}

function asObject(json: Json): JsonObject {
  return isObject(json) ? json : {};
}

function objectAt(answer: JsonObject, name: string): JsonObject {
  return asObject(answer[name] ?? null);
}

function without(name: string): (answer: JsonObject) => JsonObject {
  return ({ [name]: _, ...rest }) => rest;
}

function leaseless(answer: Json): Json {
  if (Array.isArray(answer)) return answer.map(leaseless);
  if (!isObject(answer)) return answer;
  const kept = Object.entries(answer).filter(([name]) => name !== 'lease');
  return Object.fromEntries(kept.map(([name, value]) => [name, leaseless(value)]));
}

function withIds(response: Json): Json {
  return Object.fromEntries(
    Object.entries(asObject(response)).map(([name, value]) => {
      const answer = asObject(value);
      return [name, { ...answer, header: { ...objectAt(answer, 'header'), clusterId: '*' } }];
    }),
  );
}
