/** A client of gRPC for the tests: it sends what it is given and hides nothing of what comes back. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';

/** How a call ended, and every message that came before. */
export interface GrpcOutcome<Output> {
  /** gRPC's status code; -1 when the call ended without one. */
  readonly code: number;
  readonly message: string;
  readonly answers: readonly Output[];
}

/** A flag byte and four of length stand before each message. */
const prefixBytes = 5;
/** More than a test is told: how the window of a stream grows is not what is tested here. */
const windowBytes = 64 * 1024 * 1024;

/** One connection; calls on it run side by side. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;

  /** @param address host:port, in plain text. */
  constructor(address: string) {
    this.#session = connect(`http://${address}`, { settings: { initialWindowSize: windowBytes } });
    // Each call tells how it ended; a session that fails outside of any has nobody to tell.
    this.#session.on('error', () => {});
  }

  /** One request, and all that comes back for it. */
  call<Method extends DescMethod>(
    method: Method,
    request: MessageInitShape<Method['input']>,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<GrpcOutcome<MessageShape<Method['output']>>> {
    const stream = this.open(method, () => {}, metadata);
    stream.send(request);
    stream.end();
    return stream.done;
  }

  /** Begins a call, whose messages go to `take` as they come. */
  open<Method extends DescMethod>(
    method: Method,
    take: (answer: MessageShape<Method['output']>) => void,
    metadata: Readonly<Record<string, string>> = {},
  ): GrpcStream<Method> {
    const stream = this.#session.request({
      ...metadata,
      ':method': 'POST',
      ':path': `/${method.parent.typeName}/${method.name}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    return new GrpcStream(method, stream, take);
  }

  close(): void {
    this.#session.destroy();
  }
}

/** One call. */
export class GrpcStream<Method extends DescMethod> {
  /** Resolves when the call is over, however it ended. */
  readonly done: Promise<GrpcOutcome<MessageShape<Method['output']>>>;
  readonly #method: Method;
  readonly #stream: ClientHttp2Stream;
  readonly #answers: MessageShape<Method['output']>[] = [];
  readonly #take: (answer: MessageShape<Method['output']>) => void;
  #parts: Buffer[] = [];
  #held = 0;
  #status: { code: number; message: string } = { code: -1, message: 'it ended without a status' };

  constructor(
    method: Method,
    stream: ClientHttp2Stream,
    take: (answer: MessageShape<Method['output']>) => void,
  ) {
    this.#method = method;
    this.#stream = stream;
    this.#take = take;
    stream.on('response', (headers) => this.#told(headers));
    stream.on('trailers', (headers) => this.#told(headers));
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('error', (error) => {
      if (this.#status.code < 0) this.#status = { code: -1, message: error.message };
    });
    this.done = new Promise((resolve) => {
      stream.once('close', () => resolve({ ...this.#status, answers: this.#answers }));
    });
  }

  send(request: MessageInitShape<Method['input']>): void {
    const { input } = this.#method;
    const message = toBinary(input, create(input, request));
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(message.length, 1);
    if (this.#stream.writable) this.#stream.write(Buffer.concat([prefix, message]));
  }

  /** Sends no more; what comes back still comes. */
  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.close(8);
  }

  #told(headers: Readonly<Record<string, unknown>>): void {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    const message = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    this.#status = { code: Number(code), message };
    // A server may end a call before it has read all of it; then nobody reads the rest.
    this.#stream.end();
  }

  #read(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= prefixBytes) {
      const all = this.#parts.length === 1 ? chunkOf(this.#parts) : Buffer.concat(this.#parts);
      this.#parts = [all];
      const end = prefixBytes + all.readUInt32BE(1);
      if (all.length < end) return;
      const answer = fromBinary(this.#method.output, all.subarray(prefixBytes, end));
      this.#parts = all.length === end ? [] : [all.subarray(end)];
      this.#held -= end;
      // The method's own description has read it.
      const typed = answer as MessageShape<Method['output']>;
      this.#answers.push(typed);
      this.#take(typed);
    }
  }
}

function chunkOf([first]: readonly Buffer[]): Buffer {
  return first ?? Buffer.alloc(0);
}
