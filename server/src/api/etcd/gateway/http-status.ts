import { STATUS_CODES } from 'node:http';
import { type GrpcError, grpcCodes } from '../grpc/status.ts';

/** As the gateway of etcd 3.4 answers each code of gRPC. */
const statuses: ReadonlyMap<number, number> = new Map([
  [grpcCodes.ok, 200],
  [grpcCodes.canceled, 408],
  [grpcCodes.unknown, 500],
  [grpcCodes.invalidArgument, 400],
  [grpcCodes.deadlineExceeded, 504],
  [grpcCodes.notFound, 404],
  [6, 409],
  [grpcCodes.permissionDenied, 403],
  [grpcCodes.resourceExhausted, 429],
  [grpcCodes.failedPrecondition, 412],
  [10, 409],
  [grpcCodes.outOfRange, 400],
  [grpcCodes.unimplemented, 501],
  [grpcCodes.internal, 500],
  [grpcCodes.unavailable, 503],
  [grpcCodes.dataLoss, 500],
  [grpcCodes.unauthenticated, 401],
]);

export function httpStatusOf({ code }: GrpcError): number {
  return statuses.get(code) ?? 500;
}

/** The body of an answer that is an error. */
export function errorBody({ message, code }: GrpcError): string {
  return JSON.stringify({ error: message, message, code });
}

/** The line that ends a stream which has begun. */
export function errorLine(error: GrpcError): string {
  const status = httpStatusOf(error);
  return JSON.stringify({
    error: {
      grpc_code: error.code,
      http_code: status,
      message: error.message,
      http_status: STATUS_CODES[status],
    },
  });
}
