import {
  limits,
  type MethodName,
  methodTraits,
  type ParamsOf,
  type ResultOf,
} from '@lockstep/client/protocol';
import type { Clock } from '../clock.ts';
import { type TracedCall, traceCall, traceEnd, traceError } from '../connection/trace.ts';
import type { TransportEnd } from '../connection/transport.ts';
import {
  AmbiguousError,
  ClosedError,
  DeadlineError,
  errorFromWire,
  invalid,
  LockstepError,
  refusal,
  UnavailableError,
} from '../errors.ts';
import { type Call, type CallOptions, isTooLarge, newCall } from './call.ts';
import { Ledger, type Ticket, takesOnce, withOnce } from './once.ts';

export interface RequestSettings {
  readonly callTimeoutMs: number;
  /** So many calls may wait for a connection or a free place; the next is refused. */
  readonly waitingCallsMax: number;
  /** Changes are numbered, so that one whose fate is unknown can be sent again. */
  readonly exactlyOnce: boolean;
}

/** What the table needs of the connection under it. */
export interface RequestLink {
  readonly isUp: boolean;
  readonly endpoint: string | undefined;
  start(): void;
  send(frames: readonly string[]): void;
  /** Why there is no connection, for messages. */
  describe(): string;
}

const retryBaseMs = 20;
const retryCapMs = 500;

/**
 * A member may refuse with these before it looks up whether a change was run before, so they say
 * nothing about an earlier try.
 */
const saysNothing: ReadonlySet<LockstepError['code']> = new Set([
  'client_expired',
  'no_space',
  'corrupt',
  'permission_denied',
  'user_name_empty',
  'invalid_auth_token',
  'auth_failed',
  'auth_revision_old',
]);

/**
 * The calls under way. Each is in exactly one place: waiting for a number, waiting (for a
 * connection or a place among those in flight), in flight, or delayed before its next try. The
 * calls of one tick leave together.
 */
export class Requests {
  readonly #link: RequestLink;
  readonly #clock: Clock;
  readonly #settings: RequestSettings;
  readonly #unnumbered = new Set<Call>();
  readonly #waiting = new Set<Call>();
  readonly #inFlight = new Map<number, Call>();
  readonly #delayed = new Set<Call>();
  #nextId = 1;
  #flushing = false;
  #sweepAt = Number.POSITIVE_INFINITY;
  #cancelSweep: () => void = () => {};
  #closed = false;
  /** New calls are refused, what is under way may end. */
  #draining = false;
  #whenIdle: (() => void) | undefined;
  #ledger: Ledger | undefined;
  /** The call that asks the cluster for a client id. */
  #registration: Call | undefined;

  constructor(link: RequestLink, clock: Clock, settings: RequestSettings) {
    this.#link = link;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** `changes` is false for a call that by its params changes nothing, whatever its method may do. */
  call<Name extends MethodName>(
    method: Name,
    params: ParamsOf<Name>,
    options: CallOptions = {},
    changes = !methodTraits[method].idempotent,
  ): Promise<ResultOf<Name>> {
    const { signal, timeoutMs = this.#settings.callTimeoutMs } = options;
    // A lease that was granted meanwhile is still given back.
    const refused = this.#closed || (this.#draining && method !== 'lease.revoke');
    if (refused) return Promise.reject(new ClosedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!(timeoutMs > 0)) {
      const message = `timeoutMs is ${timeoutMs}; it must be a number of milliseconds above 0`;
      return Promise.reject(invalid(message));
    }
    const waiting = this.#waiting.size + this.#unnumbered.size;
    if (waiting >= this.#settings.waitingCallsMax) {
      const message = `${waiting} calls of this client already wait; await some before making more`;
      return Promise.reject(refusal('too_many_requests', message, { retryable: true }));
    }
    const traced = traceCall(method);
    return new Promise((resolve, reject) => {
      const call = newCall(
        {
          id: this.#nextId++,
          method,
          idempotent: !changes,
          numbered: changes && this.#settings.exactlyOnce && takesOnce(method),
          timeoutMs,
          deadlineAt: this.#clock.now() + timeoutMs,
          resolve: (result) => {
            if (traced !== undefined) this.#traced(traced, call, undefined);
            // The member answers a method with its result type; a wrong member is not this one's caller's to check.
            resolve(result as ResultOf<Name>);
          },
          reject: (error) => {
            if (traced !== undefined) this.#traced(traced, call, error);
            reject(error);
          },
        },
        params,
      );
      if (isTooLarge(call.frame)) {
        const message = `the request is larger than ${limits.frameBytesMax} bytes; a key and its value may have ${limits.requestBytesMax} together`;
        call.reject(refusal('request_too_large', message));
        return;
      }
      if (signal !== undefined) this.#listen(call, signal);
      this.#begin(call);
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
      if (methodTraits[call.method].connectionBound) {
        this.#settle(call);
        call.reject(new UnavailableError(`${call.method}: the connection was lost: ${reason}`));
      } else if (call.idempotent || inOrder) {
        this.#waiting.add(call);
      } else if (call.numbered) {
        call.uncertain = true;
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

  /** Takes no new calls; resolves when those under way have ended, each by its deadline. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#all().length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelSweep();
    for (const call of this.#all()) {
      const unknown = this.#isUnknown(call);
      this.#settle(call);
      call.reject(
        unknown
          ? new AmbiguousError(`${call.method}: the client was closed before the answer`)
          : new ClosedError(),
      );
    }
  }

  #begin(call: Call): void {
    // Whoever finds a number free and nobody waiting keeps its place among the calls of its tick.
    if (call.numbered && this.#unnumbered.size === 0) call.ticket = this.#ledger?.issue();
    this.#enqueue(call);
    this.#armSweep(call.deadlineAt);
    this.#link.start();
    this.#flushSoon();
  }

  #enqueue(call: Call): void {
    if (call.numbered && call.ticket === undefined) this.#unnumbered.add(call);
    else this.#waiting.add(call);
  }

  /** True when it may have taken effect and no answer has said so. */
  #isUnknown(call: Call): boolean {
    return call.uncertain || (!call.idempotent && this.#inFlight.has(call.id));
  }

  /** Gives numbers to the changes that wait for one, in their order, as far as there are any. */
  #number(): void {
    if (this.#unnumbered.size === 0) return;
    if (this.#ledger === undefined) {
      this.#register();
      return;
    }
    for (const call of this.#unnumbered) {
      call.ticket = this.#ledger.issue();
      if (call.ticket === undefined) return;
      this.#unnumbered.delete(call);
      this.#waiting.add(call);
    }
  }

  /** Asks for a client id as long as a change waits for one. */
  #register(): void {
    if (this.#registration !== undefined || this.#closed) return;
    const timeoutMs = this.#settings.callTimeoutMs;
    const registration = newCall(
      {
        id: this.#nextId++,
        method: 'client.register',
        idempotent: true,
        numbered: false,
        timeoutMs,
        deadlineAt: this.#clock.now() + timeoutMs,
        resolve: (result) => this.#registered(result as ResultOf<'client.register'>),
        reject: (error) => this.#notRegistered(error),
      },
      {},
    );
    this.#registration = registration;
    this.#begin(registration);
  }

  #registered({ clientId }: ResultOf<'client.register'>): void {
    this.#registration = undefined;
    this.#ledger = new Ledger(clientId);
    this.#flushSoon();
  }

  #notRegistered(error: unknown): void {
    this.#registration = undefined;
    if (this.#closed) return;
    if (error instanceof LockstepError && error.retryable) {
      this.#flushSoon();
      return;
    }
    for (const call of [...this.#unnumbered]) {
      this.#settle(call);
      call.reject(error);
    }
  }

  #refused(call: Call, error: LockstepError): void {
    if (error.code === 'client_expired' && call.ticket !== undefined) {
      if (call.ticket.ledger === this.#ledger) this.#ledger = undefined;
      if (!call.uncertain) {
        this.#renumber(call, call.ticket);
        return;
      }
    }
    // `not_leader` names another member as the right one: the same member gives the same answer.
    const again =
      error.retryable &&
      error.code !== 'not_leader' &&
      (call.idempotent || call.numbered || !error.ambiguous);
    if (!call.idempotent && error.ambiguous) call.uncertain = true;
    if (again && !methodTraits[call.method].connectionBound) {
      call.refusal = error;
      this.#retryLater(call);
      return;
    }
    this.#settle(call);
    if (!call.idempotent && (error.ambiguous || (call.uncertain && saysNothing.has(error.code)))) {
      const message = `${call.method}: ${error.message}; it may or may not have taken effect`;
      call.reject(new AmbiguousError(message, error));
    } else call.reject(error);
  }

  /** The cluster has forgotten the id under which a change was surely not run: it gets a new one. */
  #renumber(call: Call, ticket: Ticket): void {
    ticket.ledger.settle(ticket);
    call.ticket = undefined;
    if (call.attempts > 0) {
      this.#retryLater(call);
      return;
    }
    call.attempts++;
    this.#enqueue(call);
    this.#flushSoon();
  }

  #retryLater(call: Call): void {
    const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(call.attempts, 10));
    call.attempts++;
    this.#delayed.add(call);
    call.cancelRetry = this.#clock.after(this.#clock.random() * ceiling, () => {
      call.cancelRetry = undefined;
      this.#delayed.delete(call);
      this.#enqueue(call);
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
    this.#number();
    if (!this.#link.isUp || this.#waiting.size === 0) return;
    const frames: string[] = [];
    for (const call of this.#waiting) {
      // The member stops reading beyond this many, and would then not hear anything else either.
      if (this.#inFlight.size >= limits.requestsInFlightMax) break;
      this.#waiting.delete(call);
      this.#inFlight.set(call.id, call);
      frames.push(call.ticket === undefined ? call.frame : withOnce(call.frame, call.ticket));
    }
    if (frames.length > 0) this.#link.send(frames);
  }

  /** One timer for all deadlines, at the earliest: with equal timeouts it fires about once per timeout. */
  #armSweep(at: number): void {
    if (at >= this.#sweepAt) return;
    this.#cancelSweep();
    this.#sweepAt = at;
    const ms = Math.max(0, Math.ceil(at - this.#clock.now()));
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
    const unknown = this.#isUnknown(call);
    // A change without a number waits for that of the registration.
    const asked = this.#unnumbered.has(call) ? (this.#registration ?? call) : call;
    const sent = this.#inFlight.has(asked.id);
    const refusal = call.refusal ?? asked.refusal;
    this.#settle(call);
    const within = `within ${call.timeoutMs} ms`;
    const reasons = this.#link.isUp ? '' : this.#link.describe();
    const why = refusal === undefined ? reasons : `the last: ${refusal.message}`;
    const last = why === '' ? '' : ` (${why})`;
    if (unknown) {
      const message = `${call.method}: no answer ${within}${last}; it may or may not have taken effect`;
      call.reject(new AmbiguousError(message, refusal));
    } else if (sent || refusal !== undefined) {
      call.reject(new DeadlineError(`${call.method}: no answer ${within}${last}`, refusal));
    } else if (this.#link.isUp) {
      call.reject(
        new DeadlineError(`${call.method}: not sent ${within}: too many calls before it`),
      );
    } else {
      call.reject(new UnavailableError(`no member answers ${within}${last}`));
    }
  }

  #all(): Call[] {
    // The unnumbered first: when they expire they look at the registration that they waited for.
    return [...this.#unnumbered, ...this.#inFlight.values(), ...this.#waiting, ...this.#delayed];
  }

  /** Takes the call out of wherever it is. */
  #settle(call: Call): void {
    this.#unnumbered.delete(call);
    this.#waiting.delete(call);
    this.#inFlight.delete(call.id);
    if (call.ticket !== undefined) {
      call.ticket.ledger.settle(call.ticket);
      if (this.#unnumbered.size > 0) this.#flushSoon();
    }
    if (this.#delayed.delete(call)) call.cancelRetry?.();
    call.release?.();
    if (this.#whenIdle !== undefined && this.#all().length === 0) this.#whenIdle();
  }

  #traced(traced: TracedCall, call: Call, error: unknown): void {
    traced.retries = call.attempts;
    traced.endpoint = this.#link.endpoint;
    if (error === undefined) traceEnd(traced);
    else traceError(traced, error);
  }
}
