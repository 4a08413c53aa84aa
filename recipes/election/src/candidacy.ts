import {
  type Bytes,
  type CallOptions,
  type Compare,
  compare,
  op,
  type Session,
} from '@lockstep/client';
import { LockLostError } from '@lockstep/locks';
import {
  isPlace,
  Place,
  type Spot,
  type TurnOptions,
  untilGivenUp,
} from '@lockstep/locks/queueing';
import { type CandidateRecord, encodeRecord } from './candidate.ts';
import type { ElectionKeys } from './keys.ts';
import { isToLead, standingOf } from './standing.ts';

/** With what somebody stands for election. */
export interface Proposal extends Omit<CandidateRecord, 'inOffice' | 'since' | 'came'> {
  readonly value: Bytes;
  /** Older candidates of the same identity are removed first. */
  readonly replaceOwn: boolean;
}

/**
 * Waits until it is the one to lead, and says so in its record: from then on it is in office. At its turn it lets a
 * better one pass by going to the end of the line, so that the first in line leads for whoever knows only that rule.
 * @throws LockLostError when somebody removed its key; the signal's reason; what a call can end in.
 */
export async function takeOffice(
  session: Session,
  keys: ElectionKeys,
  proposal: Proposal,
  { signal, onQueued }: TurnOptions,
): Promise<Place> {
  const call = { signal, timeoutMs: untilGivenUp };
  const { client, leaseId: lease } = session;
  if (proposal.replaceOwn) await removeGhosts(session, keys, proposal.identity, call);
  const since = client.clock.wall();
  const inOffice = spotOf(keys, proposal, { inOffice: true, since });
  const nobody = compare.missing({ prefix: keys.candidates });
  const [atOnce] = (await Place.takeIf(session, [inOffice], [nobody], call)) ?? [];
  if (atOnce !== undefined) return atOnce;
  const waiting = { inOffice: false, since };
  let place = await placeAt(session, spotOf(keys, proposal, waiting), call);
  const came = place.token;
  for (;;) {
    await place.turn({ signal, onQueued });
    const seen = await standingOf(client, keys, call);
    if (seen.candidates[0]?.id !== place.id) throw removed(place);
    if (isToLead(seen)) break;
    place = await placeAt(session, spotOf(keys, proposal, { ...waiting, came }), call, place);
  }
  const record = recordOf(proposal, { inOffice: true, since: client.clock.wall() });
  const { succeeded } = await client
    .txn()
    .if(place.isTaken)
    .do(op.put(keys.record(place.id), record, { lease }), op.delete(keys.successor))
    .commit(call);
  if (!succeeded) throw removed(place);
  return place;
}

type Stage = Pick<CandidateRecord, 'inOffice' | 'since' | 'came'>;

function spotOf(keys: ElectionKeys, proposal: Proposal, stage: Stage): Spot {
  const value = recordOf(proposal, stage);
  return {
    prefix: keys.candidates,
    scope: keys.candidates,
    value: () => proposal.value,
    judge: (kv) => (isPlace(kv, keys.candidates) ? 'blocks' : 'stranger'),
    beside: (id) => ({ key: keys.record(id), value }),
  };
}

function recordOf({ identity, metadata, priority }: Proposal, stage: Stage): string {
  return encodeRecord({ identity, metadata, priority, ...stage });
}

async function placeAt(
  session: Session,
  spot: Spot,
  call: CallOptions,
  insteadOf?: Place,
): Promise<Place> {
  const [place] = await Place.take(session, [spot], call, insteadOf);
  if (place === undefined) throw new Error('a place was asked for and none was taken');
  return place;
}

/** What a process of this identity left behind when it crashed. */
async function removeGhosts(
  { client }: Session,
  keys: ElectionKeys,
  identity: string,
  call: CallOptions,
): Promise<void> {
  const { candidates } = await standingOf(client, keys, call);
  for (const { id, kv, record } of candidates) {
    if (record?.identity !== identity) continue;
    const isIt: Compare = compare.createRevision(kv.keyBytes, '=', kv.createRevision);
    const removal = [op.delete(keys.candidate(id)), op.delete(keys.record(id))] as const;
    await client
      .txn()
      .if(isIt)
      .do(...removal)
      .commit(call);
  }
}

function removed({ key }: Place): LockLostError {
  return new LockLostError(`${key} is gone: its lease has ended, or somebody removed it`);
}
