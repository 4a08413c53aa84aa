import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { limits, TableError } from '@lockstep/client/protocol';
import { WebSocketServer } from 'ws';
import type { Service } from '../../../service/service.ts';
import type { CallCounts } from '../grpc/call-counts.ts';
import type { Method } from '../grpc/method.ts';
import { GrpcError, grpcCodes, grpcErrorOf } from '../grpc/status.ts';
import type { GatewayCallSetup } from './gateway-call.ts';
import { SocketCall, type SocketPatience } from './gateway-socket.ts';
import { HttpCall, sendBody, sendFailure } from './http-call.ts';
import { errorBody } from './http-status.ts';
import { gatewayPath, gatewayPaths } from './paths.ts';
import { metadataOf, subprotocolToken } from './request-metadata.ts';

export interface EtcdGatewayOptions extends SocketPatience {
  readonly service: Service;
  readonly methods: readonly Method[];
  readonly counts: CallCounts;
}

/** How long a client may take to answer our close frame. */
const closeTimeoutMs = 1_000;

/** etcd's JSON gateway: its methods by POST with JSON, and over WebSockets. */
export class EtcdGateway {
  readonly #options: EtcdGatewayOptions;
  readonly #methods = new Map<string, Method>();
  readonly #webSockets: WebSocketServer;
  readonly #calls = new Set<HttpCall>();
  readonly #sockets = new Set<SocketCall>();
  readonly #failure: GatewayCallSetup['failure'];
  #isStopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: EtcdGatewayOptions) {
    const { service, methods } = options;
    this.#options = options;
    for (const method of methods) this.#methods.set(`${method.service}/${method.name}`, method);
    this.#failure = (thrown) =>
      thrown instanceof GrpcError ? thrown : grpcErrorOf(service.failure(thrown));
    // A variable, since the published types do not know closeTimeout yet.
    const settings = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      closeTimeout: closeTimeoutMs,
      // What follows is a token, and is not told back.
      handleProtocols: (offered: Set<string>) => (offered.has('Bearer') ? 'Bearer' : false),
    } as const;
    this.#webSockets = new WebSocketServer(settings);
  }

  /** Whether a path is the gateway's to answer. */
  serves(url: string | undefined): boolean {
    return gatewayPath(url) !== undefined;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    try {
      if (this.#isStopping) throw new TableError('server_stopped');
      const method = this.#methodAt(request.url);
      if (request.method !== 'POST') {
        response.setHeader('allow', 'POST');
        sendBody(response, 405, errorBody(notPosted(request)));
        return;
      }
      const call = new HttpCall({ request, response }, method, this.#setup(request));
      this.#calls.add(call);
      response.on('close', () => this.#calls.delete(call));
    } catch (error) {
      this.refuse(response, error);
    }
  }

  refuse(response: ServerResponse, error: unknown): void {
    if (this.#isStopping) response.setHeader('connection', 'close');
    sendFailure(response, this.#failure(error));
  }

  /**
   * Takes over the socket of an upgrade request.
   * @throws TableError for a path that there is not; the socket is then the caller's to close.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#isStopping) throw new TableError('server_stopped');
    let method: Method;
    try {
      method = this.#methodAt(request.url);
    } catch (error) {
      throw new TableError('not_found', error instanceof Error ? error.message : undefined);
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const setup = this.#setup(request, subprotocolToken(request.headers));
      const call = new SocketCall({ webSocket, socket }, method, setup);
      this.#sockets.add(call);
      webSocket.on('close', () => {
        this.#sockets.delete(call);
        if (this.#sockets.size === 0) this.#onEmpty?.();
      });
    });
  }

  /** Called at a steady pace: the silent and the stalled are let go. */
  sweep(): void {
    for (const call of this.#calls) call.sweep(this.#options.stallMs);
    for (const call of this.#sockets) call.sweep(this.#options);
  }

  /** Ends what streams with `server stopped`; resolves when the WebSockets are closed. Other answers still come, and end their connections. */
  stop(): Promise<void> {
    this.#isStopping = true;
    const stopped = grpcErrorOf(new TableError('server_stopped'));
    for (const call of this.#calls) {
      if (call.waits) call.stop(stopped);
      else call.closeAfterwards();
    }
    for (const call of this.#sockets) call.stop(stopped);
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  terminate(): void {
    for (const call of this.#sockets) call.terminate();
  }

  #setup(request: IncomingMessage, token?: string): GatewayCallSetup & { jsonBytesMax: number } {
    const { service } = this.#options;
    return {
      contextOf: (call) => ({ caller: service.callers.ofToken({ token: call.metadata('token') }) }),
      metadata: metadataOf(request.headers, token ?? request.headers.authorization),
      failure: this.#failure,
      counts: this.#options.counts,
      jsonBytesMax: limits.frameBytesMax,
    };
  }

  /** @throws GrpcError `notFound` for a path that there is not, `unimplemented` for a method that is not offered. */
  #methodAt(url: string | undefined): Method {
    const path = gatewayPath(url) ?? '';
    const found = gatewayPaths.get(path);
    if (found === undefined) {
      throw new GrpcError(
        grpcCodes.notFound,
        `Not Found: behind /v3/ there is ${[...gatewayPaths.keys()].join(', ')}`,
      );
    }
    const method = this.#methods.get(`${found.service}/${found.name}`);
    if (method === undefined) {
      throw new GrpcError(grpcCodes.unimplemented, `unknown service ${found.service}`);
    }
    return method;
  }
}

function notPosted({ method, url }: IncomingMessage): GrpcError {
  return new GrpcError(
    grpcCodes.unimplemented,
    `Method Not Allowed: POST JSON to ${url?.split('?', 1)[0]}, ${method} does nothing here`,
  );
}
