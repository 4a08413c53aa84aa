import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { limits, TableError } from '@lockstep/client/protocol';
import type { Caller, Service } from '../../service/service.ts';
import type { CallCounts } from './grpc/call-counts.ts';
import { GrpcServer } from './grpc/grpc-server.ts';
import type { Method } from './grpc/method.ts';
import { GrpcError, grpcErrorOf } from './grpc/status.ts';

export interface EtcdDoorOptions {
  readonly service: Service;
  readonly caller: Caller;
  readonly methods: readonly Method[];
  readonly counts: CallCounts;
  /** Milliseconds after which a silent connection is asked for a sign of life, and after as many again cut. */
  readonly silenceMs: number;
  /** Takes a stream that is no call of gRPC. */
  other(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}

/** A message is the request and what stands around it (etcd, grpcOverheadBytes). */
const overheadBytes = 512 * 1024;
/** Calls under way on one connection. Each waits for the member, whose own bounds come first. */
const streamsMax = 10_000;

/** The door of etcd's clients: gRPC on the client port. */
export class EtcdDoor {
  readonly #server: GrpcServer;

  constructor({ service, caller, methods, counts, silenceMs, other }: EtcdDoorOptions) {
    const failure = (thrown: unknown): GrpcError =>
      thrown instanceof GrpcError ? thrown : grpcErrorOf(service.failure(thrown));
    const requestBytesMax = limits.requestBytesMax + overheadBytes;
    const setup = { context: { caller }, requestBytesMax, failure, counts };
    this.#server = new GrpcServer({
      methods,
      streamsMax,
      silenceMs,
      setup: () => setup,
      other,
    });
  }

  get connections(): number {
    return this.#server.connections;
  }

  get calls(): number {
    return this.#server.calls;
  }

  /** Takes a connection that begins with the preface of HTTP/2. */
  accept(socket: Duplex): void {
    this.#server.accept(socket);
  }

  sweep(): void {
    this.#server.sweep();
  }

  /** Ends every call with `server stopped`, and resolves when the connections are closed. */
  async stop(): Promise<void> {
    const stopped = this.#server.stop();
    this.#server.endCalls(grpcErrorOf(new TableError('server_stopped')));
    await stopped;
  }

  /** Cuts what is still open. */
  terminate(): void {
    this.#server.terminate();
  }
}
