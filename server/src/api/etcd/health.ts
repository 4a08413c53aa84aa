import type { StoreCalls } from '../../service/service.ts';
import { type Health, HealthCheckResponse_ServingStatus as Status } from './gen/health_pb.ts';
import type { Call, Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';

/** How often a watch of health looks; milliseconds. */
const lookMs = 1_000;

/** gRPC's health protocol: a member serves when it knows a leader. @param services by their names. */
export function healthHandlers(
  calls: StoreCalls,
  services: ReadonlySet<string>,
): Handlers<typeof Health> {
  const statusOf = (service: string): Status => {
    if (service !== '' && !services.has(service)) return Status.SERVICE_UNKNOWN;
    return calls.status().leaderId === undefined ? Status.NOT_SERVING : Status.SERVING;
  };
  return {
    check: ({ service }) => {
      const status = statusOf(service);
      if (status === Status.SERVICE_UNKNOWN) {
        throw new GrpcError(grpcCodes.notFound, 'unknown service');
      }
      return { status };
    },
    watch: ({ service }, call) => statuses(() => statusOf(service), call),
  };
}

async function* statuses(look: () => Status, { signal }: Call) {
  let told: Status | undefined;
  while (!signal.aborted) {
    const status = look();
    if (status !== told) yield { status };
    told = status;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', go);
        resolve();
      };
      const timer = setTimeout(go, lookMs);
      signal.addEventListener('abort', go, { once: true });
    });
  }
}
