import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { prefixBytes, writePrefix } from './message-reader.ts';
import { GrpcError, grpcCodes } from './status.ts';

/** @throws GrpcError `internal` for bytes that are no such message, as grpc-go says it. */
export function decodeRequest(input: DescMessage, bytes: Uint8Array): never {
  try {
    // The method that is called knows the type behind its description.
    return fromBinary(input, bytes) as never;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GrpcError(
      grpcCodes.internal,
      `grpc: error unmarshalling request: this is no ${input.typeName}: ${why}`,
    );
  }
}

/** An answer as a frame of gRPC. */
export function encodeAnswer(output: DescMessage, answer: unknown): Buffer {
  const message = create(output, answer as MessageInitShape<DescMessage>);
  const bytes = toBinary(output, message);
  const frame = Buffer.allocUnsafe(prefixBytes + bytes.length);
  writePrefix(frame, bytes.length);
  frame.set(bytes, prefixBytes);
  return frame;
}
