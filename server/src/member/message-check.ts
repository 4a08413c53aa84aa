import { DecodeError } from '../core/base/codec.ts';
import { decodeCommand } from '../core/command-codec.ts';
import type { AppendRequest, Message } from '../core/raft/message.ts';

/**
 * Refuses what no correct member sends, before it reaches the core: there such a message would break
 * an invariant and stop this member, or stand in the log and stop them all.
 * @throws DecodeError
 */
export function checkMessage(
  message: Message,
  link: { from: string; to: string; highestVersion: number },
): void {
  if (message.from !== link.from || message.to !== link.to) {
    throw new DecodeError('a message that is not from the caller to this member');
  }
  switch (message.type) {
    case 'installSnapshot':
      throw new DecodeError('a snapshot without its chunks');
    case 'forwardedProposal':
      // A leader must not put into the log what it could not read there.
      for (const payload of message.payloads) decodeCommand(payload, link.highestVersion);
      return;
    case 'appendRequest':
      return checkTerms(message);
    default:
      return;
  }
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
