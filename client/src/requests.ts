import {
  formatRequest,
  limits,
  type MethodName,
  methodTraits,
  type ParamsOf,
  type ResultOf,
} from '@lockstep/client/protocol';
import type { Clock } from './clock.ts';
import {
  AmbiguousError,
  ClosedError,
  DeadlineError,
  errorFromWire,
  LockstepError,
  UnavailableError,
} from './errors.ts';
import type { TransportEnd } from './transport.ts';

export interface CallOptions {
  /** How long the call may take, retries included. Default: the client's `callTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Gives the call up; it rejects with the signal's reason. A change already sent may still happen. */
  readonly signal?: AbortSignal;
}

export interface RequestSettings {
  readonly callTimeoutMs: number;
  /** So many calls may wait for a connection or a free place; the next is refused. */
  readonly waitingCallsMax: number;
}

/** What the table needs of the connection under it. */
export interface RequestLink {
  readonly isUp: boolean;
  start(): void;
  send(frames: readonly string[]): void;
  /** Why there is no connection, for messages. */
  describe(): string;
}

interface Call {
  readonly id: number;
  readonly method: MethodName;
  readonly frame: string;
  readonly timeoutMs: number;
  readonly deadlineAt: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
  attempts: number;
  /** The last refusal that allowed another try. */
  refusal: LockstepError | undefined;
  release: (() => void) | undefined;
  cancelRetry: (() => void) | undefined;
}

const retryBaseMs = 20;
const retryCapMs = 500;
/** Longer timers overflow in browsers and Node. */
const timerMsMax = 2 ** 30;

/**
 * The calls under way. Each is in exactly one place: waiting (for a connection or a place among
 * those in flight), in flight, or delayed before its next try. The calls of one tick leave together.
 */
export class Requests {
  readonly #link: RequestLink;
  readonly #clock: Clock;
  readonly #settings: RequestSettings;
  readonly #waiting = new Set<Call>();
  readonly #inFlight = new Map<number, Call>();
  readonly #delayed = new Set<Call>();
  #nextId = 1;
  #flushing = false;
  #sweepAt = Number.POSITIVE_INFINITY;
  #cancelSweep: () => void = () => {};
  #closed = false;

  constructor(link: RequestLink, clock: Clock, settings: RequestSettings) {
    this.#link = link;
    this.#clock = clock;
    this.#settings = settings;
  }

  call<Name extends MethodName>(
    method: Name,
    params: ParamsOf<Name>,
    options: CallOptions = {},
  ): Promise<ResultOf<Name>> {
    const { signal, timeoutMs = this.#settings.callTimeoutMs } = options;
    if (this.#closed) return Promise.reject(new ClosedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!(timeoutMs > 0)) {
      const message = `timeoutMs is ${timeoutMs}; it must be a number of milliseconds above 0`;
      return Promise.reject(new LockstepError('invalid_params', message));
    }
    if (this.#waiting.size >= this.#settings.waitingCallsMax) {
      const message = `${this.#waiting.size} calls of this client already wait; await some before making more`;
      return Promise.reject(new LockstepError('too_many_requests', message));
    }
    const id = this.#nextId++;
    const frame = formatRequest(id, method, params);
    if (isTooLarge(frame)) {
      const message = `the request is larger than ${limits.frameBytesMax} bytes; a key and its value may have ${limits.requestBytesMax} together`;
      return Promise.reject(new LockstepError('request_too_large', message));
    }
    return new Promise((resolve, reject) => {
      const call: Call = {
        id,
        method,
        frame,
        timeoutMs,
        deadlineAt: this.#clock.now() + timeoutMs,
        // The member answers a method with its result type; a wrong member is not this one's caller's to check.
        resolve: resolve as (result: unknown) => void,
        reject,
        attempts: 0,
        refusal: undefined,
        release: undefined,
        cancelRetry: undefined,
      };
      if (signal !== undefined) this.#listen(call, signal);
      this.#waiting.add(call);
      this.#armSweep(call.deadlineAt);
      this.#link.start();
      this.#flushSoon();
    });
  }

  /** The connection is there: what waits goes out. */
  up(): void {
    this.#flush();
  }

  /**
   * The connection was lost: what may be sent again waits for the next one, the rest is settled.
   * After an end in order that is every call, since none without an answer was run (PROTOCOL [W-13]).
   */
  down({ reason, inOrder }: TransportEnd): void {
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const call of lost) {
      const traits = methodTraits[call.method];
      if (traits.connectionBound) {
        this.#settle(call);
        call.reject(new UnavailableError(`${call.method}: the connection was lost: ${reason}`));
      } else if (traits.idempotent || inOrder) {
        this.#waiting.add(call);
      } else {
        this.#settle(call);
        const message = `${call.method}: the connection was lost before the answer (${reason}); it may or may not have taken effect`;
        call.reject(new AmbiguousError(message));
      }
    }
  }

  /** A reply arrived. An unknown id is one that was given up meanwhile. */
  reply(id: number, result: unknown, error: unknown): void {
    const call = this.#inFlight.get(id);
    if (call === undefined) return;
    this.#inFlight.delete(id);
    if (this.#waiting.size > 0) this.#flushSoon();
    if (error === undefined) {
      this.#settle(call);
      call.resolve(result);
    } else this.#refused(call, errorFromWire(error));
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep();
    for (const call of this.#all()) {
      const sent = this.#inFlight.has(call.id) && !methodTraits[call.method].idempotent;
      this.#settle(call);
      call.reject(
        sent
          ? new AmbiguousError(`${call.method}: the client was closed before the answer`)
          : new ClosedError(),
      );
    }
  }

  #refused(call: Call, error: LockstepError): void {
    const { idempotent, connectionBound } = methodTraits[call.method];
    // `not_leader` names another member as the right one: the same member gives the same answer.
    const again =
      error.retryable && error.code !== 'not_leader' && (idempotent || !error.ambiguous);
    if (again && !connectionBound) {
      call.refusal = error;
      this.#retryLater(call);
      return;
    }
    this.#settle(call);
    if (error.ambiguous && !idempotent) {
      const message = `${call.method}: ${error.message}; it may or may not have taken effect`;
      call.reject(new AmbiguousError(message, error));
    } else call.reject(error);
  }

  #retryLater(call: Call): void {
    const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(call.attempts, 10));
    call.attempts++;
    this.#delayed.add(call);
    call.cancelRetry = this.#clock.after(this.#clock.random() * ceiling, () => {
      call.cancelRetry = undefined;
      this.#delayed.delete(call);
      this.#waiting.add(call);
      this.#flushSoon();
    });
  }

  #listen(call: Call, signal: AbortSignal): void {
    const abort = (): void => {
      this.#settle(call);
      call.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    call.release = () => signal.removeEventListener('abort', abort);
  }

  /** A microtask later, so that calls made in one go, and answers' continuations, share a system call. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#link.isUp || this.#waiting.size === 0) return;
    const frames: string[] = [];
    for (const call of this.#waiting) {
      // The member stops reading beyond this many, and would then not hear anything else either.
      if (this.#inFlight.size >= limits.requestsInFlightMax) break;
      this.#waiting.delete(call);
      this.#inFlight.set(call.id, call);
      frames.push(call.frame);
    }
    if (frames.length > 0) this.#link.send(frames);
  }

  /** One timer for all deadlines, at the earliest: with equal timeouts it fires about once per timeout. */
  #armSweep(at: number): void {
    if (at >= this.#sweepAt) return;
    this.#cancelSweep();
    this.#sweepAt = at;
    const ms = Math.min(timerMsMax, Math.max(0, Math.ceil(at - this.#clock.now())));
    this.#cancelSweep = this.#clock.after(ms, () => this.#sweep());
  }

  #sweep(): void {
    this.#sweepAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const call of this.#all()) {
      if (call.deadlineAt <= now) this.#expire(call);
      else if (call.deadlineAt < next) next = call.deadlineAt;
    }
    if (next < Number.POSITIVE_INFINITY) this.#armSweep(next);
  }

  #expire(call: Call): void {
    const sent = this.#inFlight.has(call.id);
    this.#settle(call);
    const within = `within ${call.timeoutMs} ms`;
    if (sent && !methodTraits[call.method].idempotent) {
      const message = `${call.method}: no answer ${within}; it may or may not have taken effect`;
      call.reject(new AmbiguousError(message));
    } else if (sent || call.refusal !== undefined) {
      const because = call.refusal === undefined ? '' : ` (the last: ${call.refusal.message})`;
      call.reject(new DeadlineError(`${call.method}: no answer ${within}${because}`, call.refusal));
    } else if (this.#link.isUp) {
      call.reject(
        new DeadlineError(`${call.method}: not sent ${within}: too many calls before it`),
      );
    } else {
      const reasons = this.#link.describe();
      const because = reasons === '' ? '' : ` (${reasons})`;
      call.reject(new UnavailableError(`no member answers ${within}${because}`));
    }
  }

  #all(): Call[] {
    return [...this.#inFlight.values(), ...this.#waiting, ...this.#delayed];
  }

  /** Takes the call out of wherever it is. */
  #settle(call: Call): void {
    this.#waiting.delete(call);
    this.#inFlight.delete(call.id);
    if (this.#delayed.delete(call)) call.cancelRetry?.();
    call.release?.();
  }
}

function isTooLarge(frame: string): boolean {
  // UTF-8 takes one to three bytes per UTF-16 unit, so most frames need no counting.
  if (frame.length * 3 <= limits.frameBytesMax) return false;
  return new TextEncoder().encode(frame).length > limits.frameBytesMax;
}
