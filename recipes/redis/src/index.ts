/** Redis beside Lockstep: writes that a stale holder cannot make, a mirror of a prefix, and the way out of Redlock. */
export { ExecutionError, MirrorMismatchError, StaleTokenError } from './errors.ts';
export {
  Fence,
  type FencedCommand,
  type FencedSetOptions,
  type FenceOptions,
  type TokenHolder,
} from './fence.ts';
export { Mirror, type MirrorOptions, type MirrorState } from './mirror.ts';
export type {
  ConnectionOptions,
  OriginRedis,
  RedisArgument,
  RedisConnection,
  ScriptRedis,
} from './redis.ts';
export { Redlock, type RedlockAbortSignal, type RedlockSettings } from './redlock.ts';
export { RedlockLock } from './redlock-lock.ts';
