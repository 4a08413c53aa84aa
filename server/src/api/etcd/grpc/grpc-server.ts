import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { AnswerRoom, type HeldBytes } from './answer-room.ts';
import { GrpcStream, type GrpcStreamSetup } from './grpc-stream.ts';
import type { Method } from './method.ts';
import { PingWatch } from './ping-watch.ts';
import { GrpcError, grpcCodes } from './status.ts';

export interface GrpcServerOptions {
  readonly methods: readonly Method[];
  /** Of one connection; further ones are refused until others end. */
  readonly streamsMax: number;
  /** A connection that does not answer a ping within this time is cut; milliseconds. */
  readonly silenceMs: number;
  /** A client that takes nothing of what waits for it for this long is cut; milliseconds. */
  readonly stallMs: number;
  /** What answers of one connection may hold, and of all together, before they wait or are refused. */
  readonly answerBytesMax: number;
  readonly allAnswerBytesMax: number;
  /** What every call is run with. */
  readonly setup: GrpcStreamSetup;
  /** Takes a stream that is no call of gRPC. */
  other(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}

interface Connection {
  readonly session: ServerHttp2Session;
  readonly pings: PingWatch;
  readonly room: AnswerRoom;
}

/** In MB: what one connection may hold, of which unsent answers are the largest part. */
const sessionMemoryMax = 64;

/** gRPC over HTTP/2, on connections that somebody else has accepted. */
export class GrpcServer {
  readonly #server: Http2Server;
  readonly #methods = new Map<string, Method>();
  readonly #options: GrpcServerOptions;
  readonly #sessions = new Map<unknown, Connection>();
  readonly #held: HeldBytes = { bytes: 0 };
  readonly #calls = new Set<GrpcStream>();
  #whenEmpty: (() => void) | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    for (const method of options.methods) {
      this.#methods.set(`/${method.service}/${method.name}`, method);
    }
    this.#server = createServer({
      maxSessionMemory: sessionMemoryMax,
      settings: { maxConcurrentStreams: options.streamsMax, enablePush: false },
    });
    this.#server.on('session', (session) => this.#opened(session));
    this.#server.on('stream', (stream, headers) => this.#stream(stream, headers));
    this.#server.on('sessionError', () => {});
  }

  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Takes a connection that begins with the preface of HTTP/2. */
  accept(socket: Duplex): void {
    this.#server.emit('connection', socket);
  }

  /** Called again and again: cuts who is silent. */
  sweep(): void {
    const now = performance.now();
    for (const { session, pings, room } of this.#sessions.values()) {
      if (room.stalledMs(now) >= this.#options.stallMs) session.destroy();
      else pings.sweep();
    }
  }

  /** Tells everybody to go, and resolves when they have. Streams that go on are cut by {@link terminate}. */
  stop(): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    for (const { session } of this.#sessions.values()) session.close();
    this.#settle();
    return empty;
  }

  /** Ends every call with a status. */
  endCalls(error: GrpcError): void {
    for (const call of [...this.#calls]) call.fail(error);
  }

  terminate(): void {
    for (const { session } of [...this.#sessions.values()]) session.destroy();
  }

  #opened(session: ServerHttp2Session): void {
    const { silenceMs, answerBytesMax: bytesMax, allAnswerBytesMax: allBytesMax } = this.#options;
    this.#sessions.set(session, {
      session,
      pings: new PingWatch(session, silenceMs),
      room: new AnswerRoom({ bytesMax, allBytesMax, all: this.#held }),
    });
    session.on('error', () => {});
    session.once('close', () => {
      this.#sessions.delete(session);
      this.#settle();
    });
    if (this.#whenEmpty !== undefined) session.close();
  }

  #settle(): void {
    if (this.#sessions.size === 0) this.#whenEmpty?.();
  }

  #stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const type = headers['content-type'];
    if (type === undefined || !/^application\/grpc(?:$|[+;])/.test(type)) {
      this.#options.other(stream, headers);
      return;
    }
    const connection = this.#sessions.get(stream.session);
    if (connection === undefined) return;
    const call = new GrpcStream(stream, headers, this.#options.setup, connection.room);
    this.#calls.add(call);
    stream.once('close', () => this.#calls.delete(call));
    const path = headers[constants.HTTP2_HEADER_PATH];
    const method = this.#methods.get(String(path));
    if (method !== undefined) call.run(method);
    else call.fail(unknownMethod(String(path), this.#methods));
  }
}

/** The two sentences of grpc-go. */
function unknownMethod(path: string, methods: ReadonlyMap<string, Method>): GrpcError {
  const [, service = '', method = ''] = path.split('/');
  const isKnown = [...methods.values()].some((one) => one.service === service);
  return new GrpcError(
    grpcCodes.unimplemented,
    isKnown ? `unknown method ${method} for service ${service}` : `unknown service ${service}`,
  );
}
