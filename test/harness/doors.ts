import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import {
  type MethodName,
  type ParamsOf,
  type ResultOf,
  subprotocol,
  type WireError,
} from '@lockstep/client/protocol';
import { WebSocket } from 'ws';
import { type Doors, type DoorsOptions, startDoors } from '../../server/src/api/listen.ts';
import { createService } from '../../server/src/service/service.ts';
import { FakeCredentials } from './fake-credentials.ts';
import { MemoryStore } from './memory-store.ts';

export interface OpenDoors {
  readonly store: MemoryStore;
  readonly credentials: FakeCredentials;
  readonly doors: Doors;
  readonly internalErrors: unknown[];
  /** http://host:port */
  readonly url: string;
}

/** The real doors and service over the dumb store, on a free port; stopped when the test ends. */
export async function openDoors(
  t: TestContext,
  options: Partial<DoorsOptions> = {},
): Promise<OpenDoors> {
  const store = new MemoryStore();
  const credentials = new FakeCredentials();
  const internalErrors: unknown[] = [];
  const service = createService({
    store,
    version: '1.2.3',
    credentials,
    onInternalError: (error) => internalErrors.push(error),
  });
  const doors = await startDoors({
    listen: '127.0.0.1:0',
    service,
    ...options,
    limits: { stopMs: 200, ...options.limits },
  });
  t.after(() => doors.stop());
  return { store, credentials, doors, internalErrors, url: `http://${doors.address}` };
}

/** A frame as it came, looked at by tests only. */
export interface Frame {
  readonly id?: unknown;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  readonly result?: any;
  readonly error?: WireError;
}

/** The barest client: it sends what it is told and keeps every frame in the order of arrival. */
export class WireClient {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  /** The first frame, which is no answer [W-10]. */
  greeting: Frame | undefined;
  /** Code and reason, once the connection is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: (() => void)[] = [];
  #nextId = 1000;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(data.toString());
      if (this.greeting === undefined) this.greeting = frame;
      else this.frames.push(frame);
      for (const look of this.#waiting.splice(0)) look();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => undefined);
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Sends a call and returns its id. */
  request(method: string, params: unknown): number {
    const id = this.#nextId++;
    this.send({ jsonrpc: '2.0', id, method, params });
    return id;
  }

  /** The first frame, old or to come, that fits. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  answer(id: unknown): Promise<Frame> {
    return this.frame((frame) => 'id' in frame && frame.id === id);
  }

  async call<Name extends MethodName>(
    method: Name,
    params: ParamsOf<Name>,
  ): Promise<ResultOf<Name>> {
    const { result, error } = await this.answer(this.request(method, params));
    if (error !== undefined) throw new Error(`${error.data.code}: ${error.message}`);
    return result;
  }

  async refusal(method: string, params: unknown): Promise<WireError> {
    const { error } = await this.answer(this.request(method, params));
    if (error === undefined) throw new Error(`${method} was not refused`);
    return error;
  }

  /** Every frame that was sent before this call has been taken when it resolves. */
  async roundTrip(): Promise<void> {
    await this.call('maintenance.status', {});
  }

  events(): { revision: number; watchIds: number[]; keys: unknown[] }[] {
    return this.frames
      .filter(({ method }) => method === 'watch.events')
      .map(({ params }) => ({
        revision: params.revision,
        watchIds: params.watchIds,
        keys: params.events.map((event: { kv: { key: unknown } }) => event.kv.key),
      }));
  }
}

export interface ConnectOptions {
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
}

/** Rejects with "HTTP <status>: <body>" when the upgrade is refused. */
export async function connect(
  t: TestContext,
  { doors }: OpenDoors,
  options: ConnectOptions = {},
): Promise<WireClient> {
  const socket = new WebSocket(`ws://${doors.address}/v1/ws`, options.protocols ?? [subprotocol], {
    perMessageDeflate: false,
    headers: options.headers ?? {},
  });
  t.after(() => socket.terminate());
  const client = new WireClient(socket);
  const refused = new Promise<never>((_, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      const fail = (body: string) => reject(new Error(`HTTP ${response.statusCode}: ${body}`));
      readAll(response).then(fail, reject);
    });
  });
  await Promise.race([once(socket, 'open'), refused]);
  return client;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into whatever came.
  readonly json: any;
}

export interface Call {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

/** One HTTP request with its path sent exactly as given. */
export async function http({ doors }: OpenDoors, path: string, call: Call = {}): Promise<Answer> {
  const response = await open({ doors }, path, call);
  const text = await readAll(response);
  const isJson = response.headers['content-type'] === 'application/json' && text !== '';
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** The response as soon as its head is there. */
export async function open(
  { doors }: Pick<OpenDoors, 'doors'>,
  path: string,
  { method = 'GET', body, headers = {} }: Call = {},
): Promise<IncomingMessage> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: doors.port,
    path,
    method,
    headers,
    agent: false,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function readAll(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}
