import { Histogram } from '../../../metrics/histogram.ts';
import type { GrpcReadings } from '../../../metrics/readings.ts';
import type { Method } from './method.ts';
import { codeNames } from './status.ts';

/** In seconds: the bounds that dashboards of gRPC expect. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const types = {
  unary: 'unary',
  streaming: 'server_stream',
  duplex: 'bidi_stream',
} as const;

class MethodCounts {
  readonly type: string;
  readonly service: string;
  readonly method: string;
  started = 0;
  readonly handled = new Map<string, number>();
  readonly seconds = new Histogram(seconds);

  constructor({ kind, service, name }: Method) {
    this.type = types[kind];
    this.service = service;
    this.method = name;
  }
}

/** One call that is counted. */
export interface CallTally {
  /** Once. @param code of gRPC. */
  ended(code: number): void;
}

/** How the calls of etcd's API to one member began and ended. Only methods that exist are counted, so it stays small. */
export class CallCounts {
  /** Bytes of messages, of either form, from clients and to them. */
  receivedBytes = 0;
  sentBytes = 0;
  readonly #methods = new Map<Method, MethodCounts>();

  start(method: Method): CallTally {
    let counts = this.#methods.get(method);
    if (counts === undefined) {
      counts = new MethodCounts(method);
      this.#methods.set(method, counts);
    }
    counts.started++;
    return new Tally(counts);
  }

  readings(): GrpcReadings {
    return {
      calls: [...this.#methods.values()],
      receivedBytes: this.receivedBytes,
      sentBytes: this.sentBytes,
    };
  }
}

class Tally implements CallTally {
  readonly #counts: MethodCounts;
  readonly #since = performance.now();

  constructor(counts: MethodCounts) {
    this.#counts = counts;
  }

  ended(code: number): void {
    const { handled, seconds } = this.#counts;
    const name = codeNames[code] ?? 'Unknown';
    handled.set(name, (handled.get(name) ?? 0) + 1);
    seconds.observe((performance.now() - this.#since) / 1000);
  }
}
