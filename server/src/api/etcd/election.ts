import type { StoreCalls } from '../../service/service.ts';
import { headerOf, pairOf } from './answers.ts';
import { arrayOf, bytesOf } from './bytes.ts';
import type { Election, LeaderKey, LeaderRequest } from './gen/v3election_pb.ts';
import type { Call, Handlers } from './grpc/method.ts';
import { GrpcError, grpcCodes } from './grpc/status.ts';
import { withLostCodes } from './line-errors.ts';
import { numberOf } from './numbers.ts';
import { WaitingLine } from './waiting-line.ts';

/** etcd's Election service: whoever is first in the line leads. */
export function electionHandlers(calls: StoreCalls): Handlers<typeof Election> {
  return {
    campaign: ({ name, lease, value }, call) =>
      withLostCodes(async () => {
        const line = new WaitingLine(calls, call, bytesOf(name));
        const proposal = bytesOf(value);
        const place = await line.enter(lease, proposal);
        const isOther = place.found !== undefined && place.found.value !== proposal;
        if (isOther) await proclaim(line, place, proposal);
        await line.wait(place, 'election: session expired');
        const leader = {
          name,
          key: arrayOf(place.key),
          rev: BigInt(place.revision),
          lease: place.lease,
        };
        // etcd's header is of when the place was taken, not of when it came to be the first.
        return { header: headerOf(calls.header(place.stamp)), leader };
      }),
    proclaim: ({ leader, value }, call) =>
      withLostCodes(async () => {
        const { line, place } = placeOf(calls, call, leader);
        const stamp = await proclaim(line, place, bytesOf(value));
        return { header: headerOf(calls.header(stamp)) };
      }),
    leader: ({ name }, call) =>
      withLostCodes(async () => {
        const { kvs, stamp } = await new WaitingLine(calls, call, bytesOf(name)).first();
        const [kv] = kvs;
        if (kv === undefined) throw new GrpcError(grpcCodes.unknown, 'election: no leader');
        return { header: headerOf(calls.header(stamp)), kv: pairOf(kv) };
      }),
    observe: (request, call) => leaders(calls, request, call),
    resign: ({ leader }, call) =>
      withLostCodes(async () => {
        const { line, place } = placeOf(calls, call, leader);
        const { stamp } = await line.leave(place.key, place.revision);
        return { header: headerOf(calls.header(stamp)) };
      }),
  };
}

/** Every leader and every proclamation from now on; of what changes while nobody takes them, the newest. */
async function* leaders(calls: StoreCalls, { name }: LeaderRequest, call: Call) {
  const line = new WaitingLine(calls, call, bytesOf(name));
  let told = 0;
  while (!call.signal.aborted) {
    const { kvs, stamp } = await line.first();
    const [kv] = kvs;
    if (kv !== undefined && kv.modRevision !== told) {
      told = kv.modRevision;
      yield { header: headerOf(calls.header(stamp)), kv: pairOf(kv) };
    }
    await line.changed(stamp.revision + 1);
  }
}

async function proclaim(
  line: WaitingLine,
  place: Parameters<WaitingLine['write']>[0],
  value: Parameters<WaitingLine['write']>[1],
) {
  const { isOwn, stamp } = await line.write(place, value);
  if (!isOwn) throw new GrpcError(grpcCodes.unknown, 'election: not leader');
  return stamp;
}

/** @throws GrpcError `unknown` without a leader, as etcd answers. */
function placeOf(calls: StoreCalls, call: Call, leader: LeaderKey | undefined) {
  if (leader === undefined) {
    throw new GrpcError(grpcCodes.unknown, '"leader" field must be provided');
  }
  const line = new WaitingLine(calls, call, bytesOf(leader.name));
  const revision = numberOf(leader.rev);
  return { line, place: { key: bytesOf(leader.key), revision, lease: leader.lease } };
}
