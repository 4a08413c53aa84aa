import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Method } from '../grpc/method.ts';
import { GrpcError, grpcCodes } from '../grpc/status.ts';
import { type CallOutlet, GatewayCall, type GatewayCallSetup } from './gateway-call.ts';
import { errorBody, errorLine, httpStatusOf } from './http-status.ts';
import { JsonReader } from './json-reader.ts';

/** So much that nobody wants is read and dropped, for the sake of a readable answer. */
const droppedBytesMax = 16 * 1024 * 1024;
/** A connection that streams and is idle is asked by the operating system whether somebody is there, after so many milliseconds. */
const keepAliveMs = 20_000;

/** Calls with one answer that wait for others to go. */
const waiting: ReadonlySet<string> = new Set(['Lock', 'Campaign']);

const head = {
  'content-type': 'application/json',
  // A value is whatever somebody stored; a browser must not take it for a page or a script.
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const;

/** An answer of one piece. */
export function sendBody(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { ...head, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export function sendFailure(response: ServerResponse, error: GrpcError): void {
  if (error.code === grpcCodes.unavailable) response.setHeader('retry-after', '1');
  sendBody(response, httpStatusOf(error), errorBody(error));
}

/** A call over one HTTP request: its messages are the body, its answers the response. */
export class HttpCall implements CallOutlet {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #call: GatewayCall;
  readonly #reader: JsonReader;
  readonly #waits: boolean;
  #isFull = false;
  #closes = false;
  #takenAt = performance.now();
  #writtenBytes = 0;

  constructor(
    { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
    method: Method,
    setup: GatewayCallSetup & { readonly jsonBytesMax: number },
  ) {
    this.#request = request;
    this.#response = response;
    this.#waits = method.kind !== 'unary' || waiting.has(method.name);
    this.#reader = new JsonReader(setup.jsonBytesMax);
    this.#call = new GatewayCall(method, setup, this);
    response.on('drain', () => {
      this.#isFull = false;
      this.#call.roomMade();
    });
    response.on('close', () => this.#call.closed());
    this.#call.begin();
    const reading = method.kind === 'duplex' ? this.#pump() : this.#collect();
    // A body that is cut ends the reading; its response closes, and with it the call.
    reading.catch((error: unknown) => this.#call.fail(error));
  }

  get hasRoom(): boolean {
    return !this.#isFull;
  }

  answer(json: string): void {
    this.#sendBody(200, json);
  }

  result(json: string): void {
    this.#open();
    this.#isFull = !this.#response.write(`{"result":${json}}\n`);
  }

  end(): void {
    this.#open();
    this.#end('');
  }

  fail(error: GrpcError): void {
    if (this.#response.destroyed) return;
    if (this.#response.headersSent) this.#end(`${errorLine(error)}\n`);
    else {
      sendFailure(this.#response, error);
      this.#ended();
    }
  }

  /** Ends the call with a status, and the connection after it. */
  stop(error: GrpcError): void {
    this.#closes = true;
    this.#response.shouldKeepAlive = false;
    this.#call.fail(error);
  }

  /** The answer is due; the connection ends after it. */
  closeAfterwards(): void {
    this.#closes = true;
    this.#response.shouldKeepAlive = false;
    if (!this.#response.headersSent) this.#response.setHeader('connection', 'close');
  }

  /** True for a call that may go on for ever: it waits for something, or tells of all that comes. */
  get waits(): boolean {
    return this.#waits || this.#response.headersSent;
  }

  /** Cuts a client that takes nothing of what waits for it. */
  sweep(stallMs: number): void {
    const { socket } = this.#response;
    const now = performance.now();
    const written = socket?.bytesWritten ?? 0;
    if (!this.#isFull || written !== this.#writtenBytes) {
      this.#writtenBytes = written;
      this.#takenAt = now;
    } else if (now - this.#takenAt > stallMs) this.#response.destroy();
  }

  #sendBody(status: number, body: string): void {
    if (this.#response.destroyed) return;
    sendBody(this.#response, status, body);
    this.#ended();
  }

  /** The head of a stream. */
  #open(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, head);
    if (this.#request.httpVersionMajor !== 1) return;
    // Nothing need come or go for hours.
    this.#request.socket.setTimeout(0);
    this.#request.socket.setKeepAlive(true, keepAliveMs);
  }

  #end(last: string): void {
    this.#response.end(last);
    this.#ended();
  }

  /** What the client still sends is dropped: else it would be taken for its next request, or never read. */
  #ended(): void {
    const request = this.#request;
    if (this.#closes && request.httpVersionMajor === 1) {
      this.#response.once('finish', () => request.socket.end());
    }
    if (request.readableEnded) return;
    let dropped = 0;
    request.on('data', (chunk: Buffer) => {
      dropped += chunk.length;
      if (dropped > droppedBytesMax) request.destroy();
    });
  }

  /** A call with one request: the first value of the body; what follows it is passed over, as in etcd. */
  async #collect(): Promise<void> {
    let value: string | undefined;
    let wrong: unknown;
    let dropped = 0;
    for await (const chunk of this.#chunks()) {
      if (value === undefined && wrong === undefined) {
        try {
          [value] = this.#reader.push(chunk);
        } catch (error) {
          wrong = error;
        }
      } else dropped += chunk.length;
      if (dropped > droppedBytesMax) break;
    }
    if (wrong !== undefined) throw wrong;
    if (value !== undefined) return this.#call.take(value);
    if (this.#reader.isInside) throw cutShort();
    return this.#call.ended();
  }

  async #pump(): Promise<void> {
    for await (const chunk of this.#chunks()) {
      for (const value of this.#reader.push(chunk)) {
        await this.#call.take(value);
        if (this.#call.isOver) return;
      }
    }
    if (this.#reader.isInside) throw cutShort();
    await this.#call.ended();
  }

  /** The body; whoever stops reading it goes on to drop it. */
  #chunks(): AsyncIterable<Buffer> {
    return this.#request.iterator({ destroyOnReturn: false });
  }
}

function cutShort(): GrpcError {
  return new GrpcError(
    grpcCodes.invalidArgument,
    'the body is not JSON: it ends within a request; unexpected EOF',
  );
}
