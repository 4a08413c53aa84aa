import type { CallContext } from '../../../service/service.ts';
import type { CallCounts, CallTally } from '../grpc/call-counts.ts';
import { timeoutMsOf } from '../grpc/deadline.ts';
import type { Answers, Call, Method, Requests } from '../grpc/method.ts';
import { GrpcError, grpcCodes } from '../grpc/status.ts';
import { decodeJson, encodeJson, jsonOfBytes } from './json-codec.ts';

/** Where the answers of a call go. */
export interface CallOutlet {
  /** False while what was written has not gone. */
  readonly hasRoom: boolean;
  /** The only answer of a call with one. */
  answer(json: string): void;
  /** One of many. */
  result(json: string): void;
  /** No more answers. */
  end(): void;
  fail(error: GrpcError): void;
}

export interface GatewayCallSetup {
  /** Who asks; throws a TableError when a token is not good. */
  contextOf(call: Call): CallContext;
  readonly metadata: (name: string) => string | undefined;
  /** What a call that failed ends with. */
  failure(thrown: unknown): GrpcError;
  readonly counts: CallCounts;
}

/** One call whose messages are JSON, over whatever carries them. Nothing of it throws: all that happens is told to the outlet. */
export class GatewayCall implements Call {
  readonly metadata: (name: string) => string | undefined;
  readonly #method: Method;
  readonly #setup: GatewayCallSetup;
  readonly #outlet: CallOutlet;
  readonly #tally: CallTally;
  #requests: Requests<never> | undefined;
  #answers: Answers<unknown> | undefined;
  #abort: AbortController | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #whenRoom: (() => void)[] = [];
  #hasRun = false;
  #isOver = false;
  #context: CallContext | undefined;

  constructor(method: Method, setup: GatewayCallSetup, outlet: CallOutlet) {
    this.#method = method;
    this.#setup = setup;
    this.#outlet = outlet;
    this.metadata = setup.metadata;
    this.#tally = setup.counts.start(method);
  }

  get context(): CallContext {
    this.#context ??= this.#setup.contextOf(this);
    return this.#context;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isOver) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Once, before anything else. */
  begin(): void {
    try {
      const ms = timeoutMs(this.metadata('grpc-timeout'));
      if (ms !== undefined) this.#deadline = setTimeout(() => this.fail(late()), ms);
      if (this.#method.kind === 'duplex') this.#runDuplex(this.#method);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes the text of one request; resolves when the next may come. Of a call with one request, later ones are passed over. */
  async take(text: string): Promise<void> {
    if (this.#isOver) return;
    try {
      const method = this.#method;
      this.#setup.counts.receivedBytes += text.length;
      if (method.kind === 'duplex') {
        // Whoever does not take the answers is asked no more either.
        if (!this.#outlet.hasRoom) await this.#room();
        await this.#requests?.take(decodeJson(method.input, text));
      } else if (!this.#hasRun) {
        this.#hasRun = true;
        const request = decodeJson(method.input, text);
        if (method.kind === 'unary') this.#answer(await method.run(request, this));
        else await this.#runStreaming(method, request);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** The client sends no more. A call with one request that got none runs with an empty one, as in etcd. */
  async ended(): Promise<void> {
    if (this.#method.kind !== 'duplex') return this.take('{}');
    if (!this.#isOver) this.#requests?.ended();
  }

  /** The client has gone. */
  closed(): void {
    this.#over(grpcCodes.canceled);
  }

  /** What was written has gone. */
  roomMade(): void {
    for (const go of this.#whenRoom.splice(0)) go();
    if (!this.#isOver) this.#answers?.onRoom();
  }

  /** Ends the call with a status; once. */
  fail(thrown: unknown): void {
    if (this.#isOver) return;
    const error = thrown instanceof GrpcError ? thrown : this.#setup.failure(thrown);
    this.#over(error.code);
    this.#outlet.fail(error);
  }

  #over(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tally.ended(code);
    clearTimeout(this.#deadline);
    this.#abort?.abort();
    this.#requests?.closed();
    for (const go of this.#whenRoom.splice(0)) go();
  }

  #answer(answer: unknown): void {
    if (this.#isOver) return;
    const json = encodeJson(this.#method.output, answer);
    this.#over(grpcCodes.ok);
    this.#setup.counts.sentBytes += json.length;
    this.#outlet.answer(json);
  }

  #result(json: string): void {
    if (this.#isOver) return;
    this.#setup.counts.sentBytes += json.length;
    this.#outlet.result(json);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#over(grpcCodes.ok);
    this.#outlet.end();
  }

  async #runStreaming(method: Method & { kind: 'streaming' }, request: never): Promise<void> {
    for await (const answer of method.run(request, this)) {
      // Leaving the loop ends the generator too.
      if (this.#isOver) return;
      this.#result(encodeJson(method.output, answer));
      if (!this.#outlet.hasRoom) await this.#room();
    }
    this.#end();
  }

  #runDuplex(method: Method & { kind: 'duplex' }): void {
    const outlet = this.#outlet;
    const tell = (encode: () => string): void => {
      try {
        if (!this.#isOver) this.#result(encode());
      } catch (error) {
        this.fail(error);
      }
    };
    const answers: Answers<unknown> = {
      hasRoom: () => outlet.hasRoom,
      onRoom: () => {},
      send: (answer) => tell(() => encodeJson(method.output, answer)),
      sendEncoded: (...parts) => tell(() => jsonOfBytes(method.output, Buffer.concat(parts))),
      end: (error) => (error === undefined ? this.#end() : this.fail(error)),
    };
    this.#answers = answers;
    const requests = method.run(this, answers);
    if (this.#isOver) requests.closed();
    else this.#requests = requests;
  }

  /** Resolves when there is room, or the call is over. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) resolve();
      else this.#whenRoom.push(resolve);
    });
  }
}

function late(): GrpcError {
  return new GrpcError(grpcCodes.deadlineExceeded, 'context deadline exceeded');
}

/** @throws GrpcError `invalidArgument`: here it is a header that a person may have typed. */
function timeoutMs(header: string | undefined): number | undefined {
  try {
    return timeoutMsOf(header);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new GrpcError(grpcCodes.invalidArgument, message);
  }
}
