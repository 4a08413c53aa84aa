import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  isUnaryMethodName,
  limits,
  parseJson,
  parseMethod,
  parseParams,
  subprotocol,
  TableError,
} from '@lockstep/client/protocol';
import { type CallContext, proofsOfHeader, type Service } from '../../service/service.ts';
import {
  type FixedAnswer,
  pathsHint,
  sendError,
  sendFixed,
  sendJson,
  sendText,
} from './answers.ts';
import { readBody } from './body.ts';
import { HealthPages } from './health-pages.ts';
import { KeyRoutes, keyPath } from './key-routes.ts';
import { sendSnapshot } from './snapshot-response.ts';
import { splitTarget, type Target } from './url.ts';
import { WatchStreamResponse } from './watch-stream.ts';

export interface HttpDoorOptions {
  readonly service: Service;
  /** The common name of the certificate that a request came with, verified; absent where there are none. */
  readonly commonNameOf?: ((socket: Duplex) => string | undefined) | undefined;
  /** What `/metrics` shows now. */
  metrics(): { readonly contentType: string; readonly body: string };
  /** A file of the console page, or undefined for every other path; `etag` is that of the request. */
  console(path: string, etag: string | undefined): FixedAnswer | undefined;
  /** The versions of etcd that this member stands in for, by the names that etcd gives them. */
  readonly etcd: { readonly etcdserver: string; readonly etcdcluster: string };
}

/** The same methods over plain requests, and the short forms for curl and browsers. */
export class HttpDoor {
  readonly #service: Service;
  readonly #commonNameOf: HttpDoorOptions['commonNameOf'];
  readonly #metrics: HttpDoorOptions['metrics'];
  readonly #console: HttpDoorOptions['console'];
  readonly #etcd: HttpDoorOptions['etcd'];
  readonly #health: HealthPages;
  readonly #keys: KeyRoutes;
  readonly #streams = new Set<WatchStreamResponse>();
  readonly #responses = new Set<ServerResponse>();
  #stopping = false;

  constructor(options: HttpDoorOptions) {
    this.#service = options.service;
    this.#commonNameOf = options.commonNameOf;
    this.#metrics = options.metrics;
    this.#console = options.console;
    this.#etcd = options.etcd;
    this.#health = new HealthPages(options.service);
    this.#keys = new KeyRoutes(options.service);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#responses.add(response);
    response.on('close', () => this.#responses.delete(response));
    this.#route(request, response).catch((error: unknown) => this.refuse(response, error));
  }

  refuse(response: ServerResponse, error: unknown): void {
    const failure = this.#service.failure(error);
    const { headersSent } = response;
    // The rest of such a body would be taken for the next request.
    if (failure.code === 'request_too_large' && !headersSent) closeAfterwards(response);
    sendError(response, failure);
  }

  /** Called once per heartbeat interval. */
  heartbeat(): void {
    for (const stream of this.#streams) stream.heartbeat();
  }

  /** Ends the watches, and lets every connection close after the answer it is due. */
  stop(): void {
    this.#stopping = true;
    for (const stream of this.#streams) stream.stop();
    for (const response of this.#responses) closeAfterwards(response);
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#stopping) {
      closeAfterwards(response);
      throw new TableError('server_stopped');
    }
    const target = splitTarget(request.url ?? '/');
    const { path } = target;
    if (path.startsWith(keyPath)) {
      return this.#keys.handle(request, response, target, await this.#contextOf(request));
    }
    if (path === '/v1/watch') return this.#watch(request, response, target);
    if (path === '/v1/snapshot') return this.#snapshot(request, response, target);
    if (path === '/v1/ws') {
      throw new TableError(
        'invalid_request',
        `this is the WebSocket: connect with ws:// and the subprotocol ${subprotocol}`,
      );
    }
    if (path.startsWith('/v1/')) return this.#call(request, response, target);
    return this.#page(request, response, target);
  }

  /** PROTOCOL [W-50]: `POST /v1/<method>` with the params as its body. */
  async #call(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const method = parseMethod(target.path.slice('/v1/'.length));
    if (!isUnaryMethodName(method)) {
      throw new TableError(
        'unknown_method',
        `${method} belongs to a WebSocket connection; over HTTP, GET /v1/watch?prefix=... watches`,
      );
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      throw new TableError('method_not_allowed', `call ${method} with POST and its params as JSON`);
    }
    const body = await readBody(request, limits.frameBytesMax);
    const params = parseParams(method, body.length === 0 ? {} : parseJson(body.toString()));
    const context = await this.#contextOf(request);
    sendJson(response, 200, await this.#service.call(method, params, context));
  }

  async #watch(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    requireGet(request, response);
    const stream = new WatchStreamResponse(this.#service, response);
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    await stream.start(request, target.query, await this.#contextOf(request));
  }

  /** Who is asking, found out for each request. */
  async #contextOf(request: IncomingMessage): Promise<CallContext> {
    const proofs = proofsOfHeader(request.headers.authorization);
    const commonName = this.#commonNameOf?.(request.socket);
    return { caller: await this.#service.callers.of({ ...proofs, commonName }) };
  }

  async #snapshot(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
  ): Promise<void> {
    requireGet(request, response);
    const serializable = isSerializable(target.query, '/v1/snapshot');
    const headOnly = request.method === 'HEAD';
    const context = await this.#contextOf(request);
    const options = { serializable, headOnly, context };
    await sendSnapshot(this.#service, response, options);
  }

  async #page(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    if (this.#health.has(target.path)) {
      requireGet(request, response);
      const { status, contentType, body } = await this.#health.answer(target);
      sendText(response, status, contentType, body);
      return;
    }
    switch (target.path) {
      case '/metrics': {
        requireGet(request, response);
        const { contentType, body } = this.#metrics();
        sendText(response, 200, contentType, body);
        return;
      }
      case '/version':
        requireGet(request, response);
        sendJson(response, 200, {
          ...this.#etcd,
          lockstep: this.#service.version,
          protocol: subprotocol,
        });
        return;
      default: {
        const answer = this.#console(target.path, request.headers['if-none-match']);
        if (answer !== undefined) {
          requireGet(request, response);
          sendFixed(response, answer);
          return;
        }
        throw new TableError('not_found', `there is nothing under this path; ${pathsHint}`);
      }
    }
  }
}

function requireGet(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  response.setHeader('allow', 'GET, HEAD');
  throw new TableError('method_not_allowed', 'this path takes GET');
}

/** The one option of such a path, as etcd spells it. */
function isSerializable(query: string, path: string): boolean {
  if (query === '' || query === 'serializable=false') return false;
  if (query === 'serializable' || query === 'serializable=true') return true;
  throw new TableError('invalid_params', `${path} knows one option: serializable=true`);
}

function closeAfterwards(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  // HTTP/2 has no such field: its connections serve many requests.
  const isHttp1 = response.req.httpVersionMajor === 1;
  if (isHttp1 && !response.headersSent) response.setHeader('connection', 'close');
}
