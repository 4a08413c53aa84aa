import type { TableError } from '@lockstep/client/protocol';

/** The status codes of gRPC (grpc/doc/statuscodes.md). */
export const grpcCodes = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type GrpcCode = (typeof grpcCodes)[keyof typeof grpcCodes];

/** By their numbers, as programs in Go, and metrics, spell them. */
export const codeNames: readonly string[] = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound'],
  ...['AlreadyExists', 'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted'],
  ...['OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
];

/** A call ends with it; the message is for people, and for clients that match on it. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Clients of etcd match on its sentences, so what is behind them in our own messages stays away. */
export function grpcErrorOf(failure: TableError): GrpcError {
  const { grpc, text } = failure.kind;
  return new GrpcError(grpc, text.startsWith('etcdserver: ') ? text : failure.message);
}

/** As `grpc-message` carries it: printable ASCII, all else percent-encoded (gRPC over HTTP2, Status-Message). */
export function encodeMessage(message: string): string {
  return Array.from(Buffer.from(message.slice(0, messageMax), 'utf8'), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

/** Headers have their bounds; no sentence of ours comes near it. */
const messageMax = 1_000;
