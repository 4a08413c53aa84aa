import { emptyBytes } from '@lockstep/client/protocol';
import type { StoreCalls } from '../../service/service.ts';
import { headerOf } from './answers.ts';
import { arrayOf, bytesOf } from './bytes.ts';
import type { Lock } from './gen/v3lock_pb.ts';
import type { Handlers } from './grpc/method.ts';
import { withLostCodes } from './line-errors.ts';
import { WaitingLine } from './waiting-line.ts';

/**
 * etcd's Lock service. As there, who holds a lock is whose key exists: a lease that ends without its holder's notice gives the lock
 * to the next. Whoever writes elsewhere compares the key, or its create revision as a fencing token.
 */
export function lockHandlers(calls: StoreCalls): Handlers<typeof Lock> {
  return {
    lock: ({ name, lease }, call) =>
      withLostCodes(async () => {
        const line = new WaitingLine(calls, call, bytesOf(name));
        const place = await line.enter(lease, emptyBytes);
        const stamp = await line.wait(place, 'mutex: session is expired');
        return { header: headerOf(calls.header(stamp)), key: arrayOf(place.key) };
      }),
    unlock: ({ key }, { context }) =>
      withLostCodes(async () => {
        const request = { key: bytesOf(key), rangeEnd: emptyBytes, prevKv: false };
        const { stamp } = await calls.deleteRange(request, context);
        return { header: headerOf(calls.header(stamp)) };
      }),
  };
}
