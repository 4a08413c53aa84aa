import { AsyncLocalStorage } from 'node:async_hooks';
import type { Session } from '@lockstep/client';
import { ReentryError } from './errors.ts';

/** Locks under which the code that asks runs, by session and name. */
const heldHere = new AsyncLocalStorage<ReadonlyMap<Session, ReadonlySet<string>>>();

/** Runs a task, and lets whatever it calls know that it runs under locks of these names. */
export function runUnder<Result>(
  session: Session,
  names: readonly string[],
  task: () => Promise<Result>,
): Promise<Result> {
  const held = heldHere.getStore() ?? new Map<Session, ReadonlySet<string>>();
  const ofSession = held.get(session) ?? new Set<string>();
  return heldHere.run(new Map([...held, [session, new Set([...ofSession, ...names])]]), task);
}

/** @throws ReentryError when the caller runs under one of the locks already. */
export function refuseReentry(session: Session, names: readonly string[]): void {
  const held = heldHere.getStore()?.get(session);
  const again = names.find((name) => held?.has(name) === true);
  if (again !== undefined) throw new ReentryError(again);
}
