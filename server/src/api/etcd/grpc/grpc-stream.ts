import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { TableError } from '@lockstep/client/protocol';
import type { CallContext } from '../../../service/service.ts';
import type { AnswerRoom } from './answer-room.ts';
import type { CallCounts, CallTally } from './call-counts.ts';
import { decodeRequest, encodeAnswer } from './codec.ts';
import { timeoutMsOf } from './deadline.ts';
import { MessageReader, prefixBytes, writePrefix } from './message-reader.ts';
import type { Answers, Call, Method, Requests } from './method.ts';
import { encodeMessage, GrpcError, grpcCodes } from './status.ts';

export interface GrpcStreamSetup {
  /** Who asks; throws a TableError when a token is not good. */
  contextOf(call: Call, stream: ServerHttp2Stream): CallContext;
  /** The largest message that is taken. */
  readonly requestBytesMax: number;
  /** Throws when the call may not be run now. */
  admit(call: Call): void;
  /** What a call that failed ends with. */
  failure(thrown: unknown): GrpcError;
  readonly counts: CallCounts;
}

/** What one call with a stream of answers may hold in this process. */
const heldBytesMax = 64 * 1024;
const answerHead = { ':status': 200, 'content-type': 'application/grpc' } as const;
const wellEnded = { 'grpc-status': '0' } as const;

/** One call over one stream of HTTP/2: reads its messages, runs its method, writes its answers and its status. */
export class GrpcStream implements Call {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #setup: GrpcStreamSetup;
  readonly #room: AnswerRoom;
  readonly #reader: MessageReader;
  #abort: AbortController | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #trailers: Record<string, string> = wellEnded;
  /** Answers that leave at the end of this turn. */
  #unsent: Buffer[] = [];
  /** Bytes of answers that the client has not taken yet. */
  #held = 0;
  /** Those of them that the stream has. */
  #written = 0;
  readonly #onRoom = new Set<() => void>();
  #tally: CallTally | undefined;
  #isOver = false;
  #context: CallContext | undefined;

  /** @param setup the same for every call. @param room that of the connection. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    setup: GrpcStreamSetup,
    room: AnswerRoom,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#setup = setup;
    this.#room = room;
    this.#reader = new MessageReader(setup.requestBytesMax);
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers));
    stream.once('close', () => this.#closed());
    // What went wrong with the connection is seen by its session, and the call is closed all the same.
    stream.on('error', () => {});
  }

  get context(): CallContext {
    this.#context ??= this.#setup.contextOf(this, this.#stream);
    return this.#context;
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
      this.#setup.admit(this);
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
    this.#flush();
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
    this.#release(this.#written);
    for (const go of this.#onRoom) go();
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
    const room = this.#room;
    if (!room.isOpen) this.fail(new TableError('too_many_requests'));
    else room.whenFree(() => this.#write(method, answer));
  }

  #write(method: Method, answer: unknown): void {
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
    this.#held = frame.length;
    this.#hold(frame.length);
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

  /** Resolves when there is room again, or the call is over. */
  #drained(): Promise<void> {
    if (this.#isOver || this.#hasRoom) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        this.#onRoom.delete(go);
        resolve();
      };
      this.#onRoom.add(go);
    });
  }

  /** @returns false when it, or something before it, still waits in this process. */
  #send(frame: Buffer): boolean {
    if (this.#isOver) return false;
    this.#add(frame);
    return this.#hasRoom;
  }

  #add(bytes: Buffer): void {
    if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
    this.#unsent.push(bytes);
    this.#held += bytes.length;
  }

  /** A message of which the parts are at hand; they are copied once, when the turn is over. */
  #sendParts(parts: readonly Buffer[]): void {
    if (this.#isOver) return;
    const prefix = Buffer.allocUnsafe(prefixBytes);
    let length = 0;
    for (const part of parts) length += part.length;
    writePrefix(prefix, length);
    this.#add(prefix);
    for (const part of parts) this.#add(part);
  }

  get #hasRoom(): boolean {
    return this.#held < (this.#room.isOpen ? heldBytesMax : 1);
  }

  /** What was sent in one go leaves in one frame of HTTP/2: each costs as much as a hundred small answers. */
  #flush(): void {
    const frames = this.#unsent;
    if (frames.length === 0) return;
    this.#unsent = [];
    if (this.#stream.destroyed) return;
    this.#respond();
    const all = frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames);
    this.#setup.counts.sentBytes += all.length;
    this.#hold(all.length);
    this.#stream.write(all, () => {
      this.#release(all.length);
      if (this.#hasRoom) for (const go of this.#onRoom) go();
    });
  }

  #hold(bytes: number): void {
    this.#written += bytes;
    this.#room.hold(bytes, performance.now());
  }

  #release(bytes: number): void {
    // What the client had not taken when the stream closed was released then.
    const released = Math.min(bytes, this.#written);
    this.#held -= released;
    this.#written -= released;
    if (released > 0) this.#room.release(released, performance.now());
  }

  #respond(): void {
    if (!this.#stream.headersSent) this.#stream.respond(answerHead, { waitForTrailers: true });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#flush();
    this.#over(grpcCodes.ok);
    this.#respond();
    this.#stream.end();
  }

  #runDuplex(method: Method & { kind: 'duplex' }): void {
    const stream = this.#stream;
    const answers: Answers<unknown> = {
      hasRoom: () => this.#hasRoom,
      onRoom: () => {},
      send: (answer) => {
        try {
          this.#send(encodeAnswer(method.output, answer));
        } catch (error) {
          this.fail(error);
        }
      },
      sendEncoded: (...parts) => this.#sendParts(parts),
      end: (error) => (error === undefined ? this.#end() : this.fail(error)),
    };
    this.#onRoom.add(() => answers.onRoom());
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
        await this.#drained();
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
