import { TableError } from '@lockstep/client/protocol';
import { GrpcError, grpcCodes, grpcErrorOf } from './grpc/status.ts';

/**
 * Runs a call of Lock or Election. etcd runs them through a client of its own, and the code of an error is lost on that way: its
 * sentence is all that clients can match. What may succeed later keeps its code, so that it is tried again.
 */
export async function withLostCodes<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TableError) || error.kind.retryable) throw error;
    throw new GrpcError(grpcCodes.unknown, grpcErrorOf(error).message);
  }
}
