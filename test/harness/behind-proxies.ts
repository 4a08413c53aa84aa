import type { MemberPlan } from './real-cluster.ts';
import { type Join, TcpProxy } from './tcp-proxy.ts';

/** One proxy for each of the addresses. */
export function proxies(
  targets: readonly string[],
  join?: (target: string) => Join,
): Promise<TcpProxy[]> {
  return Promise.all(targets.map((target) => TcpProxy.start(target, join?.(target))));
}

/** The same members, reached by others and by clients through proxies only. */
export function behind(
  plans: readonly MemberPlan[],
  doors: readonly TcpProxy[],
  peers: readonly TcpProxy[],
): MemberPlan[] {
  const initialCluster = plans.map(({ name }, at) => `${name}=${peers[at]?.address}`).join();
  return plans.map((plan, at) => ({
    ...plan,
    initialCluster,
    flags: [
      ...plan.flags,
      ...['--advertise', `${doors[at]?.address}`, '--peer-advertise', `${peers[at]?.address}`],
    ],
  }));
}
