import { decodeChange } from '../../server/src/core/raft/membership.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import type { Entry, Membership } from '../../server/src/core/raft/types.ts';

/** index@term, and what is in it. */
export function entryText(entry: Entry): string {
  const content = payloadText(entry);
  return `${entry.index}@${entry.term}${content === '' ? '' : `:${content}`}`;
}

export function payloadText(entry: Entry): string {
  if (entry.kind === 'command') return new TextDecoder().decode(entry.payload);
  const { changes, transition } = decodeChange(entry.payload);
  if (changes.length === 0) return 'leave';
  const signs = { addVoter: '+', addLearner: '~', remove: '-' };
  const text = changes.map(({ action, member }) => signs[action] + member).join('');
  return transition === 'auto' ? text : `${text}(${transition})`;
}

export function membershipText(membership: Membership): string {
  const { voters, outgoing, learners, learnersNext, autoLeave } = membership;
  const parts = [`voters=${voters.join(',')}`];
  if (outgoing.length > 0) parts.push(`outgoing=${outgoing.join(',')}`);
  if (learners.length > 0) parts.push(`learners=${learners.join(',')}`);
  if (learnersNext.length > 0) parts.push(`learnersNext=${learnersNext.join(',')}`);
  if (autoLeave) parts.push('autoLeave');
  return parts.join(' ');
}

export function messageText(message: Message): string {
  return `${message.from}->${message.to} ${bodyText(message)}`;
}

function bodyText(message: Message): string {
  const term = `term=${message.term}`;
  switch (message.type) {
    case 'voteRequest': {
      const name = message.preVote ? 'pre-vote?' : 'vote?';
      const transfer = message.transfer ? ' transfer' : '';
      return `${name} ${term} last=${message.lastIndex}@${message.lastTerm}${transfer}`;
    }
    case 'voteReply': {
      const name = message.preVote ? 'pre-vote' : 'vote';
      return `${name} ${message.granted ? 'granted' : 'refused'} ${term}`;
    }
    case 'appendRequest': {
      const { prevIndex, prevTerm, commit, entries } = message;
      const list = entries.map(entryText).join(' ');
      return `append ${term} prev=${prevIndex}@${prevTerm} commit=${commit} [${list}]`;
    }
    case 'appendReply': {
      if (message.success) return `append ok ${term} index=${message.index}`;
      const { index, hintIndex, hintTerm } = message;
      return `append refused ${term} prev=${index} hint=${hintIndex}@${hintTerm}`;
    }
    case 'commitNotice':
      return `commit ${term} index=${message.commit}`;
    case 'heartbeat':
      return `heartbeat ${term} commit=${message.commit} round=${message.round}`;
    case 'heartbeatReply':
      return `heartbeat ok ${term} round=${message.round}`;
    case 'installSnapshot': {
      const { index, term: at, membership } = message.snapshot;
      return `snapshot ${term} at=${index}@${at} ${membershipText(membership)}`;
    }
    case 'forwardedProposal': {
      const payloads = message.payloads.map((payload) => new TextDecoder().decode(payload));
      return `propose ${term} batch=${message.batch} [${payloads.join(' ')}]`;
    }
    case 'proposalDropped':
      return `proposal dropped ${term} batch=${message.batch} ${message.reason}`;
    case 'readIndexRequest':
      return `read? ${term} context=${message.context}`;
    case 'readIndexReply':
      return `read ${term} context=${message.context} index=${message.index}`;
    case 'transferRequest':
      return `transfer? ${term} to=${message.target}`;
    case 'timeoutNow':
      return `timeout-now ${term}`;
  }
}
