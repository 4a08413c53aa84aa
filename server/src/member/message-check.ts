import { DecodeError } from '../core/base/codec.ts';
import { decodeCommand } from '../core/command-codec.ts';
import { decodeChange } from '../core/raft/membership.ts';
import type { AppendRequest, Message } from '../core/raft/message.ts';
import type { Entry, SnapshotMeta } from '../core/raft/types.ts';

/** At a thousand elections a second not reached in eight thousand years. */
const farTerm = 2 ** 48;
/** What a stranger raised the members' terms to, they go on from; numbers are exact up to twice this. */
const farTermOfMembers = 2 ** 52;
const actions: readonly unknown[] = ['addVoter', 'addLearner', 'remove'];

/** Who speaks on a link, and to whom. */
export interface LinkEnds {
  readonly from: string;
  readonly to: string;
  /** The caller is in no table of members here, and so may be anybody who knows the cluster's id. */
  readonly stranger: boolean;
  /** This member's own term. */
  readonly term: number;
  readonly leads: boolean;
  /** The one that this member knows of. */
  readonly clusterVersion: number;
  /** The newest cluster version that this build can read. */
  readonly highestVersion: number;
}

/**
 * Refuses what no correct member sends, before it reaches the core: there such a message would break
 * an invariant and stop this member, or stand in the log and stop them all.
 * @throws DecodeError
 */
export function checkMessage(message: Message, link: LinkEnds): void {
  if (message.from !== link.from || message.to !== link.to) {
    throw new DecodeError('a message that is not from the caller to this member');
  }
  checkTerm(message.term, link.stranger);
  const isLeaders = leadersTypes.includes(message.type);
  if (isLeaders && link.stranger && link.leads && message.term === link.term) {
    throw new DecodeError(`another leader in term ${message.term}, which this member leads`);
  }
  switch (message.type) {
    case 'installSnapshot':
      throw new DecodeError('a snapshot without its chunks');
    case 'forwardedProposal':
      for (const payload of message.payloads) checkProposal(payload, link);
      return;
    case 'appendRequest':
      checkTerms(message);
      for (const entry of message.entries) checkEntry(entry, link.stranger);
      return;
    default:
      return;
  }
}

const leadersTypes: readonly Message['type'][] = ['appendRequest', 'heartbeat', 'commitNotice'];

/**
 * The same for where a snapshot stands.
 * @throws DecodeError
 */
export function checkPlace(
  { term, meta }: { readonly term: number; readonly meta: SnapshotMeta },
  stranger: boolean,
): void {
  checkTerm(term, stranger);
  if (meta.term > term) throw new DecodeError('a snapshot of a later term than its sender is in');
  if (meta.index > farTerm) throw new DecodeError('a snapshot further on than any log');
  if (meta.membership.voters.length === 0) throw new DecodeError('a snapshot without voters');
}

function checkTerm(term: number, stranger: boolean): void {
  if (term <= (stranger ? farTerm : farTermOfMembers)) return;
  throw new DecodeError(`term ${term} is beyond any that is reached`);
}

/** Commands of members are not read twice: they were checked where they were proposed. */
/**
 * A leader must not put into the log what it could not read there. From who is unknown it takes no raise of the cluster's version
 * either, which could stop every older member for good, and no meaning that the cluster has not taken up. A member may have
 * proposed a raise when it led.
 */
function checkProposal(payload: Uint8Array, link: LinkEnds): void {
  const limit = link.stranger ? link.clusterVersion : link.highestVersion;
  const { command } = decodeCommand(payload, limit);
  if (link.stranger && command.type === 'raiseClusterVersion') {
    throw new DecodeError('a proposal to raise the cluster version, from who is no member');
  }
}

function checkEntry(entry: Entry, stranger: boolean): void {
  if (entry.kind === 'membership') checkChange(entry.payload);
  else if (stranger && entry.payload.length > 0) decodeCommand(entry.payload);
}

function checkChange(payload: Uint8Array): void {
  try {
    const { changes, context } = fieldsOf(decodeChange(payload));
    if (!Array.isArray(changes) || typeof context !== 'string') throw new SyntaxError('no change');
    for (const each of changes) {
      const { action, member } = fieldsOf(each);
      if (!actions.includes(action) || typeof member !== 'string')
        throw new SyntaxError('no change');
    }
    if (context !== '') JSON.parse(context);
  } catch {
    throw new DecodeError('an entry that is no change of membership');
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function checkTerms(request: AppendRequest): void {
  let term = request.prevTerm;
  for (const entry of request.entries) {
    if (entry.term < term || entry.term > request.term) {
      throw new DecodeError(`entry ${entry.index} has a term out of order`);
    }
    term = entry.term;
  }
}
