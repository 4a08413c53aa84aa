/** Distributed locks over a session. */
export { AllOf, acquireAll } from './all-of.ts';
export { LimitMismatchError, LockLostError, NoLimitError, ReentryError } from './errors.ts';
export type { LockHolder, LockQueue } from './holder.ts';
export { Lock, type Ownership } from './lock.ts';
export {
  type AcquireOptions,
  type HolderOptions,
  Lockable,
  type TryOptions,
} from './lockable.ts';
export { inspectMutex, Mutex } from './mutex.ts';
export { checkedName } from './name.ts';
export {
  inspectRwLock,
  type ReadLocks,
  RwLock,
  type RwLockHolder,
  type RwLockQueue,
  type WriteLock,
  type WriteLocks,
} from './rw-lock.ts';
export {
  inspectSemaphore,
  type PermitHolder,
  resizeSemaphore,
  Semaphore,
  type SemaphoreOptions,
  type SemaphoreState,
  type WeightOption,
} from './semaphore.ts';
