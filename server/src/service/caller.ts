import { type ByteString, TableError } from '@lockstep/client/protocol';
import type { Asker, KeyRange, PutRequest } from '../store.ts';

export type Action = 'read' | 'write' | 'administer';

/** What a call wants to do, over which keys; no range means the member itself. */
export interface Access {
  readonly action: Action;
  readonly range: KeyRange | undefined;
}

/** Who somebody has proved to be, and how long that holds. */
export interface Identity {
  readonly user: string;
  /** The auth revision at which it was proved; a later password makes it void. Undefined for a certificate. */
  readonly revision: number | undefined;
  /** Milliseconds since 1970; undefined for as long as the connection lives. */
  readonly expiresAtMs: number | undefined;
}

/** Who is asking. Doors find out who it is ({@link Callers}); the service asks whether they may. */
export interface Caller {
  readonly name: string;
  /** Undefined for one who has not said who it is: it may do nothing while rights are enforced. */
  readonly identity?: Identity | undefined;
  /**
   * Decides every access of one call; the service sets it for the call, by the rights at that moment.
   * Undefined means that everything is allowed.
   */
  readonly permits: ((access: Access) => boolean) | undefined;
  /** Set with {@link permits}: what a change that was allowed must be proposed with. */
  readonly asker?: Asker | undefined;
}

/** Somebody who has not said who it is. */
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

/** @throws TableError `permission_denied`. */
export function administer(caller: Caller): void {
  authorise(caller, 'administer', undefined);
}

/** A put reads what it keeps or returns. @throws TableError `permission_denied`. */
export function authorisePut(caller: Caller, put: PutRequest): void {
  const range = { key: put.key, rangeEnd: '' as PutRequest['key'] };
  authorise(caller, 'write', range);
  if (put.prevKv || put.ignoreValue || put.ignoreLease) authorise(caller, 'read', range);
}

/** Each of these keys on its own. @throws TableError `permission_denied`. */
export function authoriseKeys(
  caller: Caller,
  action: 'read' | 'write',
  keys: readonly ByteString[],
): void {
  if (caller.permits === undefined) return;
  for (const key of keys) authorise(caller, action, { key, rangeEnd: '' as ByteString });
}
