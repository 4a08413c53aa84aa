import type { Duplex } from 'node:stream';
import { limits } from '@lockstep/client/protocol';
import type { WebSocket } from 'ws';
import type { Method } from '../grpc/method.ts';
import type { GrpcError } from '../grpc/status.ts';
import { type CallOutlet, GatewayCall, type GatewayCallSetup } from './gateway-call.ts';
import { errorBody, errorLine } from './http-status.ts';
import { JsonReader } from './json-reader.ts';

/** RFC 6455, 7.4.1. */
const closeCodes = { normal: 1000, goingAway: 1001, internal: 1011 } as const;
/** What a reason may have of bytes, with some to spare. */
const reasonMax = 100;

export interface SocketPatience {
  /** Milliseconds after which a client that takes nothing of what waits for it is cut. */
  readonly stallMs: number;
  /** Milliseconds after which a silent client is asked for a sign of life, and after as many again cut. */
  readonly silenceMs: number;
}

/** A call over one WebSocket: frames are its messages, and each answer is a frame, as etcd's gateway has it. */
export class SocketCall implements CallOutlet {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #call: GatewayCall;
  readonly #reader: JsonReader;
  #frames = Promise.resolve();
  #pending = 0;
  #hasAnswered = false;
  #isFull = false;
  #read = 0;
  #heardAt = performance.now();
  #isAsked = false;
  #written = 0;
  #takenAt = performance.now();

  constructor(
    { webSocket, socket }: { readonly webSocket: WebSocket; readonly socket: Duplex },
    method: Method,
    setup: GatewayCallSetup & { readonly jsonBytesMax: number },
  ) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#reader = new JsonReader(setup.jsonBytesMax);
    this.#call = new GatewayCall(method, setup, this);
    webSocket.on('message', (data) => this.#take(data as Buffer));
    webSocket.on('close', () => this.#call.closed());
    // A frame that is too long or malformed: ws closes with the right code (1009, 1002, 1007).
    webSocket.on('error', () => this.#call.closed());
    this.#call.begin();
  }

  get hasRoom(): boolean {
    return !this.#isFull;
  }

  answer(json: string): void {
    this.#send(json);
    this.#webSocket.close(closeCodes.normal);
  }

  result(json: string): void {
    this.#hasAnswered = true;
    this.#send(`{"result":${json}}`);
  }

  end(): void {
    this.#webSocket.close(closeCodes.normal);
  }

  fail(error: GrpcError): void {
    this.#send(this.#hasAnswered ? errorLine(error) : errorBody(error));
    this.#webSocket.resume();
    this.#webSocket.close(
      closeCodes.internal,
      error.message.slice(0, reasonMax).replaceAll(/[^ -~]/g, '?'),
    );
  }

  stop(error: GrpcError): void {
    this.#call.fail(error);
    this.#webSocket.close(closeCodes.goingAway, 'the member is stopping');
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  sweep({ stallMs, silenceMs }: SocketPatience): void {
    const now = performance.now();
    const { read, written } = bytesOf(this.#socket);
    if (!this.#isFull || written !== this.#written) this.#takenAt = now;
    else if (now - this.#takenAt > stallMs) this.terminate();
    this.#written = written;
    // A paused socket hides what did arrive.
    if (read !== this.#read || this.#webSocket.isPaused) {
      this.#read = read;
      this.#heardAt = now;
      this.#isAsked = false;
    } else if (now - this.#heardAt >= 2 * silenceMs) this.terminate();
    else if (now - this.#heardAt >= silenceMs && !this.#isAsked) {
      this.#isAsked = true;
      this.#webSocket.ping();
    }
  }

  /** One frame after the other; while one is taken, no more are read. */
  #take(data: Buffer): void {
    this.#pending++;
    this.#webSocket.pause();
    this.#frames = this.#frames.then(async () => {
      try {
        for (const value of this.#reader.push(data)) {
          if (this.#call.isOver) break;
          await this.#call.take(value);
        }
      } catch (error) {
        this.#call.fail(error);
      }
      this.#pending--;
      if (this.#pending === 0) this.#webSocket.resume();
    });
  }

  #send(text: string): void {
    const webSocket = this.#webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return;
    webSocket.send(text, () => {
      if (!this.#isFull || webSocket.bufferedAmount > limits.unsentBytesMax / 2) return;
      this.#isFull = false;
      this.#call.roomMade();
    });
    if (webSocket.bufferedAmount > limits.unsentBytesMax) this.#isFull = true;
  }
}

/** Of a server that listens on TCP every client is a Socket; behind something else nothing is counted. */
function bytesOf(socket: Duplex): { readonly read: number; readonly written: number } {
  const { bytesRead: read = 0, bytesWritten: written = 0 } = socket as Partial<
    Record<'bytesRead' | 'bytesWritten', number>
  >;
  return { read, written };
}
