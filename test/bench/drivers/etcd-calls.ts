import type { Endpoint } from '../model.ts';
import {
  dataFrame,
  firstHeaderBlock,
  frameHeaderBytes,
  Http2Connection,
  headersFrame,
  laterHeaderBlock,
  otherHeaderBlock,
  streamIdOffset,
} from './http2.ts';

interface UnderWay {
  readonly path: string;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: Error) => void;
  answer: Buffer;
}

const nothing = Buffer.alloc(0);

/** Unary gRPC calls of several methods over one connection, any number at a time. */
export class EtcdCalls {
  readonly #connection: Http2Connection;
  readonly #endpoint: Endpoint;
  readonly #underWay = new Map<number, UnderWay>();
  readonly #headers = new Map<string, Buffer>();
  readonly #opened: () => void;
  #nextStream = 1;
  #queue: Buffer[] = [];
  #dataBytes = 0;

  private constructor(endpoint: Endpoint, opened: () => void, failed: (error: Error) => void) {
    this.#endpoint = endpoint;
    this.#opened = opened;
    this.#connection = new Http2Connection(endpoint, {
      open: () => this.#opened(),
      data: (stream, bytes, from, to) => {
        const call = this.#underWay.get(stream);
        if (call === undefined) return;
        const part = Buffer.from(bytes.subarray(from, to));
        call.answer = call.answer.length === 0 ? part : Buffer.concat([call.answer, part]);
      },
      streamEnded: (stream) => {
        const call = this.#underWay.get(stream);
        this.#underWay.delete(stream);
        if (call === undefined) return;
        if (call.answer.length > 0) call.resolve(call.answer);
        else call.reject(new Error(`etcd answered ${call.path} with a gRPC error`));
      },
      readDone: () => {},
      lost: (reason) => {
        const error = new Error(reason);
        failed(error);
        for (const { reject } of this.#underWay.values()) reject(error);
        this.#underWay.clear();
      },
    });
  }

  static open(endpoint: Endpoint): Promise<EtcdCalls> {
    return new Promise((resolve, reject) => {
      const calls = new EtcdCalls(endpoint, () => resolve(calls), reject);
    });
  }

  /** @returns the answer's gRPC message. @throws Error when etcd refused, or the connection is lost. */
  call(path: string, body: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#nextStream;
      this.#nextStream += 2;
      this.#underWay.set(stream, { path, resolve, reject, answer: nothing });
      const data = dataFrame(body, true);
      data.writeUInt32BE(stream, streamIdOffset);
      const headers = this.#headersOf(path);
      headers.writeUInt32BE(stream, streamIdOffset);
      // What runs after one read is sent together: a tick comes when all promises of the read have run.
      if (this.#queue.length === 0) process.nextTick(() => this.#flush());
      this.#queue.push(headers, data);
      this.#dataBytes += data.length - frameHeaderBytes;
    });
  }

  close(): void {
    this.#connection.close();
  }

  #flush(): void {
    const frames = Buffer.concat(this.#queue);
    const bytes = this.#dataBytes;
    this.#queue = [];
    this.#dataBytes = 0;
    this.#connection.write(frames, bytes);
  }

  #headersOf(path: string): Buffer {
    const known = this.#headers.get(path);
    if (known !== undefined) return Buffer.from(known);
    const isFirst = this.#headers.size === 0;
    this.#headers.set(path, headersFrame(isFirst ? laterHeaderBlock : otherHeaderBlock(path)));
    return headersFrame(isFirst ? firstHeaderBlock(this.#endpoint, path) : otherHeaderBlock(path));
  }
}
