import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { limits, TableError } from '@lockstep/client/protocol';
import type { Service } from '../../service/service.ts';
import type { CallCounts } from './grpc/call-counts.ts';
import { GrpcServer } from './grpc/grpc-server.ts';
import type { GrpcStreamSetup } from './grpc/grpc-stream.ts';
import type { Call, Method } from './grpc/method.ts';
import { GrpcError, grpcErrorOf } from './grpc/status.ts';

export interface EtcdDoorOptions {
  readonly service: Service;
  /** The common name of a client's certificate, where one was shown and verified. */
  readonly commonNameOf?: ((socket: Duplex) => string | undefined) | undefined;
  readonly methods: readonly Method[];
  readonly counts: CallCounts;
  /** Milliseconds after which a silent connection is asked for a sign of life, and after as many again cut. */
  readonly silenceMs: number;
  /** Milliseconds after which a client that takes nothing of what waits for it is cut. */
  readonly stallMs: number;
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

  constructor(options: EtcdDoorOptions) {
    const { service, commonNameOf, methods, counts, silenceMs, stallMs, other } = options;
    const failure = (thrown: unknown): GrpcError =>
      thrown instanceof GrpcError ? thrown : grpcErrorOf(service.failure(thrown));
    const requestBytesMax = limits.requestBytesMax + overheadBytes;
    // A client that wants to hear at once that there is no leader says so (etcd, clientv3.WithRequireLeader).
    const admit = (call: Call): void => {
      if (call.metadata('hasleader') !== 'true') return;
      if (service.calls.status().leaderId === undefined) throw new TableError('no_leader');
    };
    const contextOf: GrpcStreamSetup['contextOf'] = (call, { session }) => {
      const commonName = session && commonNameOf?.(session.socket);
      return { caller: service.callers.ofToken({ token: tokenOf(call), commonName }) };
    };
    this.#server = new GrpcServer({
      methods,
      streamsMax,
      silenceMs,
      stallMs,
      answerBytesMax: limits.unsentBytesMax,
      allAnswerBytesMax: limits.unsentBytesPerMemberMax,
      setup: { contextOf, requestBytesMax, failure, admit, counts },
      other,
    });
  }

  /** Bytes of answers that clients have not taken yet. */
  get unsentBytes(): number {
    return this.#server.heldBytes;
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

/** Under either of etcd's two names (etcd, rpctypes.TokenFieldNameGRPC). */
function tokenOf(call: Call): string | undefined {
  return call.metadata('token') ?? call.metadata('authorization')?.replace(/^Bearer +/i, '');
}
