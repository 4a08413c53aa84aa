import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { CallContext } from '../../../service/service.ts';
import type { CallCounts, CallTally } from './call-counts.ts';
import { decodeRequest, encodeAnswer, frameOf } from './codec.ts';
import { timeoutMsOf } from './deadline.ts';
import { MessageReader } from './message-reader.ts';
import type { Answers, Call, Method, Requests } from './method.ts';
import { encodeMessage, GrpcError, grpcCodes } from './status.ts';

export interface GrpcStreamSetup {
  readonly context: CallContext;
  /** The largest message that is taken. */
  readonly requestBytesMax: number;
  /** What a call that failed ends with. */
  failure(thrown: unknown): GrpcError;
  readonly counts: CallCounts;
}

const answerHead = { ':status': 200, 'content-type': 'application/grpc' } as const;
const wellEnded = { 'grpc-status': '0' } as const;

/** One call over one stream of HTTP/2: reads its messages, runs its method, writes its answers and its status. */
export class GrpcStream implements Call {
  readonly context: CallContext;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #setup: GrpcStreamSetup;
  readonly #reader: MessageReader;
  #abort: AbortController | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #trailers: Record<string, string> = wellEnded;
  #tally: CallTally | undefined;
  #isOver = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, setup: GrpcStreamSetup) {
    this.#stream = stream;
    this.#headers = headers;
    this.#setup = setup;
    this.context = setup.context;
    this.#reader = new MessageReader(setup.requestBytesMax);
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers));
    stream.once('close', () => this.#closed());
    // What went wrong with the connection is seen by its session, and the call is closed all the same.
    stream.on('error', () => {});
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isOver) this.#abort.abort();
    return this.#abort.signal;
  }

  metadata(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Never rejects and never throws: whatever happens becomes the call's status. */
  run(method: Method): void {
    this.#tally = this.#setup.counts.start(method);
    try {
      const ms = timeoutMsOf(this.metadata('grpc-timeout'));
      if (ms !== undefined) this.#deadline = setTimeout(() => this.#late(), ms);
      if (method.kind === 'duplex') this.#runDuplex(method);
      else this.#collect(method);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the call with a status; once. */
  fail(thrown: unknown): void {
    if (this.#isOver) return;
    const { code, message } = thrown instanceof GrpcError ? thrown : this.#setup.failure(thrown);
    const status = { 'grpc-status': String(code), 'grpc-message': encodeMessage(message) };
    this.#over(code);
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    if (stream.headersSent) {
      this.#trailers = status;
      stream.end();
    } else stream.respond({ ...answerHead, ...status }, { endStream: true });
    // Without it the client would go on to send what nobody reads (RFC 9113, 8.1).
    if (!stream.readableEnded) stream.resume();
  }

  #late(): void {
    this.fail(new GrpcError(grpcCodes.deadlineExceeded, 'context deadline exceeded'));
  }

  #closed(): void {
    this.#over(grpcCodes.canceled);
  }

  /** @param code what it ended with. */
  #over(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tally?.ended(code);
    clearTimeout(this.#deadline);
    this.#abort?.abort();
  }

  /** The one message of a call with one request. */
  #collect(method: Method & { kind: 'unary' | 'streaming' }): void {
    const stream = this.#stream;
    let request: Buffer | undefined;
    stream.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      try {
        for (const message of this.#reader.push(chunk)) {
          if (request !== undefined) throw tooMany(method);
          this.#setup.counts.receivedBytes += message.length;
          request = message;
        }
      } catch (error) {
        this.fail(error);
      }
    });
    stream.once('end', () => {
      if (this.#isOver) return;
      try {
        if (request === undefined || this.#reader.isInside) throw tooFew(method);
        const decoded = decodeRequest(method.input, request);
        if (method.kind === 'unary') this.#runUnary(method, decoded);
        else this.#runStreaming(method, decoded).catch((error: unknown) => this.fail(error));
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #runUnary(method: Method & { kind: 'unary' }, request: never): void {
    const answer = method.run(request, this);
    if (answer instanceof Promise) {
      answer.then(
        (settled) => this.#answer(method, settled),
        (error: unknown) => this.fail(error),
      );
    } else this.#answer(method, answer);
  }

  #answer(method: Method, answer: unknown): void {
    if (this.#isOver) return;
    let frame: Buffer;
    try {
      frame = encodeAnswer(method.output, answer);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#over(grpcCodes.ok);
    this.#setup.counts.sentBytes += frame.length;
    this.#stream.respond(answerHead, { waitForTrailers: true });
    this.#stream.end(frame);
  }

  async #runStreaming(method: Method & { kind: 'streaming' }, request: never): Promise<void> {
    for await (const answer of method.run(request, this)) {
      // Leaving the loop ends the generator too.
      if (this.#isOver) return;
      if (!this.#send(encodeAnswer(method.output, answer))) await this.#drained();
    }
    this.#end();
  }

  /** Resolves when what was sent has gone, or the call is over. */
  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const go = (): void => {
        stream.off('drain', go);
        stream.off('close', go);
        resolve();
      };
      if (this.#isOver) return resolve();
      stream.on('drain', go);
      stream.on('close', go);
    });
  }

  /** @returns false when it, or something before it, still waits in this process. */
  #send(frame: Buffer): boolean {
    if (this.#isOver) return false;
    this.#respond();
    this.#setup.counts.sentBytes += frame.length;
    return this.#stream.write(frame);
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(answerHead, { waitForTrailers: true });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#over(grpcCodes.ok);
    this.#respond();
    this.#stream.end();
  }

  #runDuplex(method: Method & { kind: 'duplex' }): void {
    const stream = this.#stream;
    const answers: Answers<unknown> = {
      get hasRoom() {
        return !stream.writableNeedDrain;
      },
      onRoom: () => {},
      send: (answer) => {
        try {
          this.#send(encodeAnswer(method.output, answer));
        } catch (error) {
          this.fail(error);
        }
      },
      sendEncoded: (answer) => this.#send(frameOf(answer)),
      end: (error) => (error === undefined ? this.#end() : this.fail(error)),
    };
    stream.on('drain', () => answers.onRoom());
    const requests: Requests<never> = method.run(this, answers);
    // A client may wait for the head of the answer before it sends anything.
    if (!this.#isOver) this.#respond();
    stream.once('close', () => requests.closed());
    this.#pump(method, requests).catch((error: unknown) => this.fail(error));
  }

  async #pump(method: Method, requests: Requests<never>): Promise<void> {
    for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
      for (const message of this.#reader.push(chunk as Buffer)) {
        if (this.#isOver) return;
        // Whoever does not take the answers is asked no more either.
        if (this.#stream.writableNeedDrain) await this.#drained();
        this.#setup.counts.receivedBytes += message.length;
        await requests.take(decodeRequest(method.input, message));
      }
    }
    if (!this.#isOver) requests.ended();
  }
}

function tooMany({ name }: Method): GrpcError {
  return new GrpcError(grpcCodes.internal, `grpc: ${name} takes one message, and more came`);
}

function tooFew({ name }: Method): GrpcError {
  return new GrpcError(grpcCodes.internal, `grpc: ${name} takes one message, and none came whole`);
}
