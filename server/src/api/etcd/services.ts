import type { DescService } from '@bufbuild/protobuf';
import type { Service } from '../../service/service.ts';
import { authHandlers } from './auth.ts';
import { clusterHandlers, type Schemes } from './cluster.ts';
import { electionHandlers } from './election.ts';
import { Health } from './gen/health_pb.ts';
import { ServerReflection } from './gen/reflection-v1_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from './gen/reflection-v1alpha_pb.ts';
import { Auth, Cluster, KV, Lease, Maintenance, Watch } from './gen/rpc_pb.ts';
import { Election } from './gen/v3election_pb.ts';
import { Lock } from './gen/v3lock_pb.ts';
import { type Handlers, type Method, methodsOf } from './grpc/method.ts';
import { healthHandlers } from './health.ts';
import { kvHandlers } from './kv.ts';
import { leaseHandlers } from './lease.ts';
import { lockHandlers } from './lock.ts';
import { maintenanceHandlers } from './maintenance.ts';
import { reflectionHandlers } from './reflection.ts';
import { watchHandlers } from './watch.ts';

/** Every method of etcd's API, and of gRPC's own, over one service. */
export function etcdMethods(service: Service, schemes: Schemes): readonly Method[] {
  const { calls } = service;
  const all: readonly DescService[] = [
    ...[KV, Watch, Lease, Cluster, Maintenance, Auth, Lock, Election],
    ...[Health, ServerReflection, ServerReflectionAlpha],
  ];
  const reflection = reflectionHandlers(all);
  return [
    ...methodsOf(KV, kvHandlers(calls)),
    ...methodsOf(Watch, watchHandlers(calls)),
    ...methodsOf(Lease, leaseHandlers(calls)),
    ...methodsOf(Cluster, clusterHandlers(service, schemes)),
    ...methodsOf(Maintenance, maintenanceHandlers(service)),
    ...methodsOf(Auth, authHandlers(service)),
    ...methodsOf(Lock, lockHandlers(calls)),
    ...methodsOf(Election, electionHandlers(calls)),
    ...methodsOf(Health, healthHandlers(calls, new Set(all.map(({ typeName }) => typeName)))),
    ...methodsOf(ServerReflection, reflection),
    // Only the name of the package differs between the two versions.
    ...methodsOf(
      ServerReflectionAlpha,
      reflection as unknown as Handlers<typeof ServerReflectionAlpha>,
    ),
  ];
}
