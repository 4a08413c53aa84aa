/** Distributed locks over a session. */
export { LockLostError, ReentryError } from './errors.ts';
export type { LockHolder, LockQueue } from './holder.ts';
export { Lock } from './lock.ts';
export { type AcquireOptions, inspectLock, Mutex, type MutexOptions } from './mutex.ts';
export { checkedName } from './name.ts';
