import { GrpcError, grpcCodes } from './status.ts';

const unitsMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 } as const;
/** What a timer of Node can hold; a longer deadline is none. */
const timerMsMax = 2 ** 31 - 1;

/**
 * The `grpc-timeout` of a call in milliseconds, undefined without one (gRPC over HTTP2, Timeout).
 * @throws GrpcError `internal` when it is malformed, as grpc-go answers.
 */
export function timeoutMsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (match === null) {
    throw new GrpcError(
      grpcCodes.internal,
      `malformed grpc-timeout ${JSON.stringify(header.slice(0, 20))}: it is up to eight digits and a unit, one of H M S m u n`,
    );
  }
  const unit = match[2] as keyof typeof unitsMs;
  const ms = Number(match[1]) * unitsMs[unit];
  return ms > timerMsMax ? undefined : ms;
}
