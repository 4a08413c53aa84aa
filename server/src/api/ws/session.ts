import {
  type ClientCall,
  type ConnectionMethodName,
  formatError,
  formatNotification,
  formatResult,
  formatWatchEvents,
  isUnaryMethodName,
  limits,
  type ParamsOf,
  parseClientFrame,
  parseMethod,
  parseParams,
  type RequestId,
  type ResultOf,
  type UnaryMethodName,
  type WatchEndParams,
} from '@lockstep/client/protocol';
import type { CallContext, Caller, ConnectionWatches, Service } from '../../service/service.ts';

/** The connection as the protocol sees it. */
export interface SessionOutlet {
  /** Queues one text frame; nothing is lost, but callers look at {@link isWritable}. */
  send(text: string): void;
  /** False while the connection holds as many unsent bytes as it may. */
  isWritable(): boolean;
  /** Whether more frames are wanted. A few that were read before may still come. */
  setReading(reading: boolean): void;
  /** The session has said its last: send what waits, then close. */
  finish(): void;
}

export interface SessionOptions {
  readonly service: Service;
  readonly outlet: SessionOutlet;
  readonly caller: Caller;
}

/**
 * The protocol half of one WebSocket connection: text frames in, text frames out, no socket.
 *
 *     receive -> [waiting calls] -> running (at most 256) -> answer -> outlet
 *
 * Calls wait unread in the socket, not here: reading stops while 256 run or the outlet is full, and
 * only what had been read by then waits in the queue.
 */
export class Session {
  readonly #service: Service;
  readonly #outlet: SessionOutlet;
  #caller: Caller;
  /** A login runs: what comes after it waits, since it says who asks. */
  #loggingIn = false;
  readonly #waiting: ClientCall[] = [];
  /** Answers that wait for room before they are built. */
  readonly #turns: AnswerTurn[] = [];
  /** Bytes of answers that may be built and have not been sent. */
  #grantedBytes = 0;
  #watches: ConnectionWatches | undefined;
  #running = 0;
  #starting = false;
  #reading = true;
  #stopping = false;
  #finished = false;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#service = options.service;
    this.#outlet = options.outlet;
    this.#caller = options.caller;
  }

  /** Calls that run and are not answered yet. */
  get running(): number {
    return this.#running;
  }

  /** Calls that were read and do not run yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  receive(text: string): void {
    if (this.#closed) return;
    try {
      const frame = parseClientFrame(text);
      if (Array.isArray(frame)) for (const call of frame) this.#admit(call);
      else this.#admit(frame);
    } catch (error) {
      this.#sendError(null, error);
    }
    this.#updateReading();
  }

  /** The outlet is writable again after it was not. */
  drained(): void {
    if (this.#closed) return;
    this.#watches?.resume();
    this.#goOn();
  }

  /** `frame` is the member's heartbeat, the same for all connections; skipped while there is no room. */
  heartbeat(frame: string): void {
    if (!this.#closed && !this.#finished && this.#outlet.isWritable()) this.#outlet.send(frame);
  }

  /**
   * Ends the watches with `server_stopped`, answers what runs, then finishes. What has not begun
   * stays without an answer: the close code says that such calls were not run [W-13].
   */
  stop(): void {
    if (this.#stopping || this.#closed) return;
    this.#stopping = true;
    this.#watches?.stop();
    this.#waiting.length = 0;
    this.#goOn();
  }

  /** The connection is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    this.#turns.length = 0;
    this.#watches?.close();
  }

  #admit(call: ClientCall): void {
    if (this.#stopping) return;
    if (this.#waiting.length === 0 && this.#hasCapacity()) this.#start(call);
    else this.#waiting.push(call);
  }

  #hasCapacity(): boolean {
    if (this.#loggingIn) return false;
    return this.#running < limits.requestsInFlightMax && this.#outlet.isWritable();
  }

  #start(call: ClientCall): void {
    this.#running++;
    try {
      if (call.fault !== undefined) throw call.fault;
      const method = parseMethod(call.method);
      if (method === 'auth.login') this.#logIn(call, parseParams(method, call.params));
      else if (isUnaryMethodName(method)) this.#startUnary(call, method);
      else this.#startWatchCall(call, method);
    } catch (error) {
      this.#refuse(call, error);
    }
  }

  #startUnary(call: ClientCall, method: UnaryMethodName): void {
    const params = parseParams(method, call.params);
    const scope = new CallScope(this.#caller, this.#askForTurn);
    const outcome = this.#service.call(method, params, scope);
    if (outcome instanceof Promise) {
      outcome.then(
        (result) => {
          this.#grantedBytes -= scope.grantedBytes;
          this.#answer(call, result);
        },
        (error) => {
          this.#grantedBytes -= scope.grantedBytes;
          this.#refuse(call, error);
        },
      );
    } else {
      this.#answer(call, outcome);
    }
  }

  /** PROTOCOL [W-104]: from its answer on the connection is that user's. */
  #logIn(call: ClientCall, params: ParamsOf<'auth.login'>): void {
    this.#loggingIn = true;
    const entered = (async () => {
      const result = await this.#service.call('auth.login', params, { caller: this.#caller });
      this.#caller = await this.#service.callers.of({ token: result.token });
      return result;
    })();
    entered.then(
      (result) => {
        this.#loggingIn = false;
        this.#answer(call, result);
      },
      (error) => {
        this.#loggingIn = false;
        this.#refuse(call, error);
      },
    );
  }

  #startWatchCall(call: ClientCall, method: ConnectionMethodName): void {
    const watches = this.#openWatches();
    if (method === 'watch.cancel') {
      this.#answer(call, watches.cancel(parseParams(method, call.params)));
      return;
    }
    if (method === 'watch.credit') {
      this.#answer(call, watches.credit(parseParams(method, call.params)));
      return;
    }
    if (method === 'watch.progress') {
      parseParams(method, call.params);
      watches.whenSynced().then(
        (result) => this.#answer(call, result),
        (error) => this.#refuse(call, error),
      );
      return;
    }
    const params = parseParams(method, call.params);
    const started = watches.create(params, { caller: this.#caller }, (result) =>
      this.#reply(call, result),
    );
    if (started === undefined) {
      this.#done();
      return;
    }
    started.then(
      () => this.#done(),
      (error) => this.#refuse(call, error),
    );
  }

  #openWatches(): ConnectionWatches {
    this.#watches ??= this.#service.openWatches({
      ready: () => this.#outlet.isWritable(),
      events: (watchIds, _revision, body) => this.#outlet.send(formatWatchEvents(watchIds, body)),
      progress: (watchIds, revision) =>
        this.#outlet.send(formatNotification('watch.progress', { watchIds, revision })),
      ended: (watchId, { reason, resumeRevision, compactRevision }) => {
        const end: WatchEndParams = { watchId, reason, resumeRevision };
        this.#outlet.send(
          formatNotification(
            'watch.end',
            compactRevision === undefined ? end : { ...end, compactRevision },
          ),
        );
      },
    });
    return this.#watches;
  }

  #answer(call: ClientCall, result: ResultOf<UnaryMethodName | ConnectionMethodName>): void {
    this.#reply(call, result);
    this.#done();
  }

  #reply(call: ClientCall, result: ResultOf<UnaryMethodName | ConnectionMethodName>): void {
    if (call.id === undefined || this.#closed) return;
    this.#outlet.send(formatResult(call.id, result));
  }

  #refuse(call: ClientCall, error: unknown): void {
    if (call.id !== undefined) this.#sendError(call.id, error);
    this.#done();
  }

  #sendError(id: RequestId, error: unknown): void {
    if (this.#closed) return;
    this.#outlet.send(formatError(id, this.#service.failure(error).toWire()));
  }

  #done(): void {
    this.#running--;
    if (this.#closed) return;
    const nothingWaits = this.#waiting.length === 0 && this.#turns.length === 0;
    // The common case, in which there is nothing to start, to release or to switch.
    if (nothingWaits && this.#reading && !this.#stopping && this.#outlet.isWritable()) return;
    this.#goOn();
  }

  /** Whatever waited for room or for an answer: large answers first, then calls, then the socket. */
  #goOn(): void {
    while (this.#turns.length > 0 && this.#mayBuild()) this.#grant(this.#turns.shift());
    this.#startWaiting();
    this.#updateReading();
    if (!this.#stopping || this.#finished || this.#running > 0) return;
    this.#finished = true;
    this.#outlet.finish();
  }

  /** A loop and not a recursion, since a call that is refused at once comes back here. */
  #startWaiting(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#waiting.length > 0 && this.#hasCapacity()) {
      const call = this.#waiting.shift();
      if (call !== undefined) this.#start(call);
    }
    this.#starting = false;
  }

  #updateReading(): void {
    const reading = this.#waiting.length === 0 && this.#hasCapacity();
    if (reading === this.#reading) return;
    this.#reading = reading;
    this.#outlet.setReading(reading);
  }

  readonly #askForTurn = (scope: CallScope, bytes: number): Promise<void> | undefined => {
    if (this.#turns.length === 0 && this.#mayBuild()) {
      this.#grant({ scope, bytes, resolve: undefined });
      return undefined;
    }
    return new Promise((resolve) => this.#turns.push({ scope, bytes, resolve }));
  };

  /** Answers of one turn are all built before the first is sent, so what is under way counts too. */
  #mayBuild(): boolean {
    return this.#grantedBytes < limits.unsentBytesMax && this.#outlet.isWritable();
  }

  #grant(turn: AnswerTurn | undefined): void {
    if (turn === undefined) return;
    turn.scope.grantedBytes = turn.bytes;
    this.#grantedBytes += turn.bytes;
    turn.resolve?.();
  }
}

interface AnswerTurn {
  readonly scope: CallScope;
  readonly bytes: number;
  readonly resolve: (() => void) | undefined;
}

/** One running call, as the service sees it. */
class CallScope implements CallContext {
  readonly caller: Caller;
  readonly #ask: (scope: CallScope, bytes: number) => Promise<void> | undefined;
  grantedBytes = 0;

  constructor(caller: Caller, ask: (scope: CallScope, bytes: number) => Promise<void> | undefined) {
    this.caller = caller;
    this.#ask = ask;
  }

  answerTurn(bytes: number): Promise<void> | undefined {
    return this.#ask(this, bytes);
  }
}
