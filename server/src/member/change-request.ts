import {
  type ErrorCode,
  isErrorCode,
  type MemberId,
  type MemberInfo,
} from '@lockstep/client/protocol';
import { DecodeError } from '../core/base/codec.ts';

/** What an operator asks of the membership. */
export type ChangeRequest =
  /** With `learner` it stays one until it is promoted. */
  | { readonly action: 'add'; readonly peerAddress: string; readonly learner: boolean }
  | { readonly action: 'remove'; readonly memberId: MemberId }
  | { readonly action: 'update'; readonly memberId: MemberId; readonly peerAddress: string }
  | { readonly action: 'promote'; readonly memberId: MemberId }
  /** Adds a learner that takes the place of the member once it has caught up. */
  | { readonly action: 'replace'; readonly memberId: MemberId; readonly peerAddress: string };

export type ChangeOutcome =
  | {
      readonly ok: true;
      /** Whom the change is about; the new one where there is one. */
      readonly memberId: MemberId;
      /** All members after the change. */
      readonly members: readonly MemberInfo[];
    }
  | { readonly ok: false; readonly code: ErrorCode };

/** Between members both travel as JSON. */
export function requestText(request: ChangeRequest): string {
  return JSON.stringify(request);
}

/** @throws DecodeError on what no member of this build sends. */
export function requestFrom(text: string): ChangeRequest {
  const { action, peerAddress = '', memberId = '', learner = false } = fieldsOf(text);
  if (typeof peerAddress !== 'string' || typeof memberId !== 'string') throw noChange();
  switch (action) {
    case 'add':
      if (typeof learner !== 'boolean') throw noChange();
      return { action, peerAddress, learner };
    case 'remove':
    case 'promote':
      return { action, memberId };
    case 'update':
    case 'replace':
      return { action, memberId, peerAddress };
    default:
      throw noChange();
  }
}

export function outcomeText(outcome: ChangeOutcome): string {
  return JSON.stringify(outcome);
}

/** @throws DecodeError on what no member of this build sends. */
export function outcomeFrom(text: string): ChangeOutcome {
  const { ok, code, memberId, members } = fieldsOf(text);
  if (ok !== true) return { ok: false, code: isErrorCode(code) ? code : 'internal' };
  if (typeof memberId !== 'string' || !Array.isArray(members)) throw noChange();
  return { ok, memberId, members: members.map(infoFrom) };
}

function infoFrom(value: unknown): MemberInfo {
  const { memberId, name, clientAddress, peerAddress, isLearner, promotes, replaces } =
    recordOf(value);
  return {
    memberId: String(memberId),
    name: String(name),
    clientAddress: String(clientAddress),
    peerAddress: String(peerAddress),
    isLearner: isLearner === true,
    ...(promotes === true ? { promotes } : {}),
    ...(typeof replaces === 'string' ? { replaces } : {}),
  };
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    throw noChange();
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function noChange(): DecodeError {
  return new DecodeError('a request about members, or its outcome, that this build does not know');
}
