import { TableError } from '@lockstep/client/protocol';
import type { KeyRange, PutRequest } from '../store.ts';

export type Action = 'read' | 'write' | 'administer';

/** What a call wants to do, over which keys; no range means the member itself. */
export interface Access {
  readonly action: Action;
  readonly range: KeyRange | undefined;
}

/** Who is asking. Doors find out who it is; the service asks whether they may. */
export interface Caller {
  readonly name: string;
  /** Decides every access of every call. Undefined means that everything is allowed. */
  readonly permits: ((access: Access) => boolean) | undefined;
}

export const anyone: Caller = { name: 'anyone', permits: undefined };

/** What a call brings along besides its params. */
export interface CallContext {
  readonly caller: Caller;
  /**
   * Asked before an answer of about so many bytes is built. Undefined: go ahead. A promise: wait until
   * the connection has taken what it already holds, so that answers wait as references, not as text.
   */
  answerTurn?(bytes: number): Promise<void> | undefined;
}

/**
 * The one place where a call is allowed or refused; every handler comes through here with each
 * access of its request, before the store hears of it.
 * @throws TableError `permission_denied`.
 */
export function authorise(caller: Caller, action: Action, range: KeyRange | undefined): void {
  if (caller.permits === undefined) return;
  if (!caller.permits({ action, range })) throw new TableError('permission_denied');
}

/** A put reads what it keeps or returns. @throws TableError `permission_denied`. */
export function authorisePut(caller: Caller, put: PutRequest): void {
  const range = { key: put.key, rangeEnd: '' as PutRequest['key'] };
  authorise(caller, 'write', range);
  if (put.prevKv || put.ignoreValue || put.ignoreLease) authorise(caller, 'read', range);
}
