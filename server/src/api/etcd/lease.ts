import type { StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import { arrayOf } from './bytes.ts';
import type { Lease } from './gen/rpc_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { countOf } from './numbers.ts';

/** etcd's Lease service. */
export function leaseHandlers(calls: StoreCalls): Handlers<typeof Lease> {
  return {
    leaseGrant: async ({ TTL, ID }, { context }) => {
      const { id, ttl, stamp } = await calls.leaseGrant({ id: ID, ttl: countOf(TTL) }, context);
      return { header: headerOf(calls.header(stamp)), ID: id, TTL: BigInt(ttl) };
    },
    leaseRevoke: async ({ ID }, { context }) => {
      const { stamp } = await calls.leaseRevoke(ID, context);
      return { header: headerOf(calls.header(stamp)) };
    },
    // One after the other: whoever renews many leases on one stream is answered in their order.
    leaseKeepAlive: ({ context }, answers) => ({
      take: async ({ ID }) => {
        try {
          const { ttl, stamp } = await calls.leaseKeepAlive(ID, context);
          answers.send({ header: headerOf(calls.header(stamp)), ID, TTL: BigInt(ttl) });
        } catch (error) {
          answers.end(error);
        }
      },
      ended: () => answers.end(),
      closed: () => {},
    }),
    leaseTimeToLive: async ({ ID, keys: withKeys }, { context }) => {
      const reply = await calls.leaseTimeToLive(ID, withKeys, context);
      const { ttl, grantedTtl, keys, stamp } = reply;
      return {
        header: headerOf(calls.header(stamp)),
        ID,
        TTL: BigInt(ttl),
        grantedTTL: BigInt(grantedTtl),
        keys: keys.map(arrayOf),
      };
    },
    leaseLeases: async (_request, { context }) => {
      const { ids, stamp } = await calls.leases(context);
      return { header: headerOf(calls.header(stamp)), leases: ids.map((ID) => ({ ID })) };
    },
  };
}
